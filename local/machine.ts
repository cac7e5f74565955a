// How is a machine of the supervisor started, asked, and ended, from the host?
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, realpathSync, rmdirSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../engine/processes.ts";
import type { MachineSpec, MachineState } from "./spec.ts";

/** Milliseconds from SIGTERM to SIGKILL. */
const patience = 2_000;

/** The cgroup of the machine whose spec lies in this folder: always the same, so that any later process finds it. */
export const cgroupOf = (folder: string): string =>
  `/plumbline-${createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 12)}`;

/**
 * Writes the spec into the folder and starts the machine; it lives on without this process.
 *
 * @param programs folder with the programs, on the host
 * @throws Error with the supervisor's own words, for example without the right to make namespaces
 */
export const launchMachine = async (folder: string, spec: MachineSpec, programs: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "spec.json");
  await writeFile(`${path}.new`, JSON.stringify(spec, null, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
  // Loaded here alone: whoever only reads a machine's state must not wait for it.
  const { execa } = await import("execa");
  const launched = await execa(join(programs, "supervisor"), ["launch", path], { reject: false, stdin: "ignore" });
  if (launched.failed) throw new Error(launched.stderr.trim() || launched.shortMessage);
};

/** What the machine last said of itself, if exactly that machine still runs. */
export const readMachine = (folder: string): MachineState | undefined => {
  const state = lastWords(folder);
  return state && state.boot === bootId() && isAlive(state) ? state : undefined;
};

/** What the machine last said of itself, whether or not it still runs. */
export const lastWords = (folder: string): MachineState | undefined => {
  try {
    return JSON.parse(readFileSync(join(folder, "status.json"), "utf8")) as MachineState;
  } catch {
    return undefined;
  }
};

/**
 * Ends a machine and all that is left of an earlier one: bounded, safe to repeat, also where the supervisor was killed.
 *
 * @returns whether anything was still there
 * @throws Error naming the cgroup that does not go
 */
export const stopMachine = async (folder: string, cgroup: string): Promise<boolean> => {
  const machine = readMachine(folder);
  if (machine) {
    process.kill(machine.pid, "SIGTERM");
    await until(patience, () => !isAlive(machine));
    // Its death takes every process of its PID namespace with it.
    if (isAlive(machine)) process.kill(machine.pid, "SIGKILL");
    await until(patience, () => !isAlive(machine));
  }
  const groups = cgroupFolders(cgroup);
  const gone = await until(patience, () => {
    for (const pid of groups.flatMap(processesIn)) kill(pid);
    groups.forEach(removeGroup);
    return cgroupFolders(cgroup).length === 0;
  });
  if (!gone)
    throw new Error(
      `the cgroup ${cgroup} could not be removed within ${patience / 1000} s; what is in it: ${groups.flatMap(processesIn).join(", ")}`,
    );
  return machine !== undefined || groups.length > 0;
};

/** PIDs on the host: those of the machine by their PID in it (`12`), those of machines nested in it by `name/pid`. */
export const hostPids = (cgroup: string): Map<string, number> => {
  const found = new Map<string, number>();
  const group = cgroupFolders(cgroup)[0];
  if (!group) return found;
  for (const pid of members(join(group, "machine"))) found.set(`${namespacePids(pid)[1]}`, pid);
  for (const nested of folders(group)) {
    for (const pid of members(join(nested, "machine"))) {
      // One number a namespace, the host's first; process 1 of a nested machine is the one that the outer one knows.
      const [, outer, inner] = namespacePids(pid);
      found.set(`${basename(nested)}/${inner}`, pid);
      if (inner === 1) found.set(`${outer}`, pid);
    }
  }
  return found;
};

const namespacePids = (pid: number): number[] => {
  try {
    const line = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
    return line.split(/\s+/).map(Number);
  } catch {
    return [];
  }
};

let boot: string | undefined;
const bootId = (): string => {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
};

const cgroupRoot = "/sys/fs/cgroup";

/** The group in every hierarchy: version 2 has one, version 1 one a controller. */
const cgroupFolders = (cgroup: string): string[] =>
  [cgroupRoot, ...folders(cgroupRoot)].map((hierarchy) => join(hierarchy, cgroup)).filter((path) => exists(path));

const folders = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(path, entry.name)] : [],
    );
  } catch {
    return []; // gone meanwhile
  }
};

const exists = (path: string): boolean => {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
};

const members = (group: string): number[] => {
  try {
    return readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return []; // gone meanwhile
  }
};

const processesIn = (group: string): number[] => [...members(group), ...folders(group).flatMap(processesIn)];

const removeGroup = (group: string): void => {
  folders(group).forEach(removeGroup);
  try {
    rmdirSync(group);
  } catch {
    // a process in it is still dying: the next round removes it
  }
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone meanwhile
  }
};

const until = async (milliseconds: number, done: () => boolean): Promise<boolean> => {
  for (const end = performance.now() + milliseconds; !done(); await sleep(20))
    if (performance.now() > end) return false;
  return true;
};
