// How is something measured and told? Five runs, their median and range, memory by the pages that processes hold.
import { readdir, readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { basename } from "node:path";
import type { Clone, Status } from "../test/clone.ts";

/** Runs of everything that is repeated. */
export const runs = 5;

/** One line of the table: what, how fast it should be, and each run. */
export interface Row {
  readonly what: string;
  readonly goal: string;
  readonly values: readonly number[];
  readonly unit: string;
}

/** Seconds that some work takes. */
export const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
};

/** Runs a command of a clone. @throws Error with what it printed when it fails */
export const must = async (clone: Clone, ...args: string[]): Promise<string> => {
  const { exitCode, all } = await clone.plumbline(args);
  if (exitCode !== 0) throw new Error(`plumbline ${args.join(" ")} ended with ${exitCode}:\n${all}`);
  return String(all);
};

/** The work of {@link runs} runs, one after the other. */
export const repeat = async (work: () => Promise<number>): Promise<number[]> => {
  const values: number[] = [];
  for (let run = 0; run < runs; run++) values.push(await work());
  return values;
};

/**
 * Gigabytes that the processes of the platform hold, shared pages counted once.
 *
 * @param programs paths whose last part is one of these; all of them where omitted
 */
export const memory = async ({ processes }: Status, programs?: readonly string[]): Promise<number> => {
  const pid = processes.find(({ name }) => name === "etcd")?.pid;
  const cgroup = (await readFile(`/proc/${pid}/cgroup`, "utf8")).match(/plumbline-[0-9a-f]+/)?.[0];
  if (!cgroup) throw new Error(`etcd (${pid}) is in no cgroup of the platform`);
  let kilobytes = 0;
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const groups = await readFile(`/proc/${entry}/cgroup`, "utf8").catch(() => "");
    if (!groups.includes(cgroup)) continue;
    const program = (await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "")).split("\0")[0] ?? "";
    if (programs && !programs.includes(basename(program))) continue;
    const rollup = await readFile(`/proc/${entry}/smaps_rollup`, "utf8").catch(() => "");
    kilobytes += Number(rollup.match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
  }
  return (kilobytes * 1024) / 1e9;
};

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** The rows as a Markdown table, with the machine that they were measured on. */
export const table = (rows: readonly Row[]): string => {
  const number = (value: number, unit: string) => `${value.toFixed(2)}${unit ? ` ${unit}` : ""}`;
  const lines = rows.map(({ what, goal, values, unit }) => {
    const range = values.length > 1 ? `${number(Math.min(...values), "")} – ${number(Math.max(...values), "")}` : "";
    return `| ${what} | ${goal} | ${number(median(values), unit)} | ${range} | ${values.length} |`;
  });
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  return [
    "| what | goal | median | range | runs |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
    `Measured on ${machine}, ${new Date().toISOString().slice(0, 10)}.`,
    "",
  ].join("\n");
};
