// What did earlier test runs leave that were interrupted or killed? Their platforms are ended and their folders removed.
import { readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../engine/folders.ts";
import { stopCluster } from "../local/cluster.ts";
import { cloneAt } from "./clone.ts";

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const left = (folder: string, name: RegExp): string[] => {
  let entries: string[] = [];
  try {
    entries = readdirSync(folder);
  } catch {} // no run has made it yet
  return entries
    .filter((entry) => {
      const pid = Number(name.exec(entry)?.[1]);
      return pid > 0 && (pid === process.pid || !isAlive(pid));
    })
    .map((entry) => join(folder, entry));
};

/** Ends and removes what belongs to this process or to one that is gone; what a live run uses stays. */
export const sweep = async (): Promise<void> => {
  for (const folder of left(join(root, ".plumbline"), /^test-(\d+)-/)) await cloneAt(folder).remove();
  for (const state of left(tmpdir(), /^plumbline-cluster-(\d+)-/)) {
    await stopCluster({ state, keep: false });
    rmSync(state, { recursive: true, force: true });
  }
};
