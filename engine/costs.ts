// What did each step cost the last time? Recorded in the cache folder, so that progress can say what is left.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./folders.ts";

/** Seconds that `step` took the last time on this machine, else `expected`. */
export const costOf = (step: string, expected: number): number => recorded()[step] ?? expected;

/** Remembers what a step took, in seconds. Two writers at once may lose one figure; neither can break the file. */
export function recordCost(step: string, seconds: number): void {
  const file = costsFile();
  const aside = `${file}.${process.pid}`;
  mkdirSync(cacheFolder(), { recursive: true });
  writeFileSync(aside, `${JSON.stringify({ ...recorded(), [step]: Math.round(seconds * 10) / 10 }, null, 2)}\n`);
  renameSync(aside, file);
}

const costsFile = (): string => join(cacheFolder(), "costs.json");

function recorded(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(costsFile(), "utf8"));
  } catch {
    return {}; // none yet, or unreadable: an estimate is never worth a failure
  }
}
