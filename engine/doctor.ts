// What is there, what is missing, and what is the way out? Looks at programs and machine, and builds or changes nothing.
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { execa } from "execa";
import { built, secondsOf } from "./builds.ts";
import { debianProgram, unpackingSeconds } from "./debian.ts";
import { debianFiles, packingSeconds } from "./debian-files.ts";
import { downloadedPath, downloadFolder } from "./downloads.ts";
import { cacheFolder, root, stateFolder } from "./folders.ts";
import { goOnMachine, goVersion, requiredGo } from "./go.ts";
import { findOnPath, installed, older } from "./installed.ts";
import { type BuildName, buildOf, builds, type Program, rowOf } from "./programs.ts";
import { spoken } from "./progress.ts";
import { allowedSources, type Source } from "./resolve.ts";
import { type Condition, conditionOf } from "./store.ts";

/** One program as it is on this machine. */
export interface ProgramReport {
  readonly program: Program;
  readonly wanted: string;
  /** Version of what would be used; undefined when there is nothing yet. */
  readonly found?: string;
  readonly from?: Source;
  readonly path?: string;
  /** What is not as it should be, in words; undefined when all is well. */
  readonly missing?: string;
  /** What happens about it, or what a person has to do. */
  readonly wayOut?: string;
  /** False when a person has to act before the program can be had. */
  readonly obtainable: boolean;
}

/** One property of the machine. */
export interface MachineReport {
  readonly check: string;
  readonly found: string;
  readonly good: boolean;
  readonly wayOut?: string;
}

/** The programs; checks the content of what is in the cache, not only its dates. */
export async function inspect(programs: readonly Program[]): Promise<ProgramReport[]> {
  const sources = allowedSources();
  const conditions = new Map<string, Promise<Condition>>();
  const condition = (folder: string): Promise<Condition> => {
    const known = conditions.get(folder) ?? conditionOf(folder, { thorough: true });
    conditions.set(folder, known);
    return known;
  };
  return Promise.all(programs.map((program) => inspectOne(program, sources, condition)));
}

async function inspectOne(
  program: Program,
  sources: ReadonlySet<Source>,
  condition: (folder: string) => Promise<Condition>,
): Promise<ProgramReport> {
  const { version: wanted, onPath, build, debian, files } = rowOf(program);
  const report = { program, wanted, obtainable: true };
  let missing: string | undefined;
  if (onPath && sources.has("path")) {
    const found = await installed(program, wanted, onPath);
    if (found && !found.refused)
      return { ...report, ...(found.version && { found: found.version }), from: "path", path: found.path };
    if (found) missing = `${found.path} is not used: ${found.refused}`;
  }
  const downloads = downloadFolder(program);
  const downloaded = downloadedPath(program);
  if (sources.has("download") && downloads && downloaded && (await condition(downloads)) === "good")
    return { ...report, found: wanted, from: "download", path: downloaded };
  if (build && sources.has("build")) {
    const { folder } = await built(build);
    const state = await condition(folder);
    if (state === "good") return { ...report, found: wanted, from: "build", path: `${folder}/${program}` };
    if (state !== "missing") missing = state.altered;
  }
  if ((debian || files) && sources.has("package")) {
    const found = (await debianProgram(program)) ?? (await debianFiles(program));
    if (found) return { ...report, found: found.version, from: "package", path: found.path };
  }
  return { ...report, missing: missing ?? "not there yet", ...wayOutFor(program, sources) };
}

function wayOutFor(program: Program, sources: ReadonlySet<Source>): { wayOut: string; obtainable: boolean } {
  const { build, debian, download, files } = rowOf(program);
  if (debian && sources.has("package"))
    return findOnPath("apt-get", ["/usr/bin"])
      ? {
          wayOut: `start unpacks it from the Debian package ${debian.package} (${spoken(unpackingSeconds())} for all)`,
          obtainable: true,
        }
      : { wayOut: `install ${debian.package} with this system's package manager`, obtainable: false };
  if (files && sources.has("package"))
    return findOnPath("apt-get", ["/usr/bin"])
      ? {
          wayOut: `start packs it from the Debian packages ${files.packages.join(", ")} (${spoken(packingSeconds(program))})`,
          obtainable: true,
        }
      : { wayOut: "take a system with apt: it is made of Debian packages", obtainable: false };
  const ways: string[] = [];
  if (download && sources.has("download")) ways.push(`downloads it from ${new URL(download.url).host}`);
  if (build && sources.has("build")) {
    const problem = problemWithGo([build]);
    if (problem && !ways.length) return { wayOut: problem, obtainable: false };
    if (!problem) ways.push(`builds it from source (${spoken(secondsOf(build))})`);
  }
  return ways.length
    ? { wayOut: `start ${ways.join(", else ")}`, obtainable: true }
    : { wayOut: "allow another source with PLUMBLINE_SOURCES=path,download,build", obtainable: false };
}

/** What stands in the way of building, in words; undefined when nothing does. */
function problemWithGo(wanted: readonly BuildName[]): string | undefined {
  const needed = wanted
    .map((name) => requiredGo(resolve(root, buildOf(name).folder)))
    .reduce((a, b) => (older(a, b) ? b : a), "0");
  const found = goVersion();
  if (!found) return `install Go ${needed} or later (https://go.dev/dl)`;
  if (older(found, "1.21"))
    return `install Go ${needed} or later (https://go.dev/dl): Go ${found} cannot fetch another`;
  return undefined;
}

/** Gibibytes that a cold set-up from source takes in the cache folder, measured; a platform's state takes one more. */
const diskNeeded = 20;

/** What the machine must have for the local cluster. */
export async function inspectMachine(): Promise<MachineReport[]> {
  const isRoot = process.getuid?.() === 0;
  const reports: MachineReport[] = [
    check(
      "system",
      `${process.platform} ${process.arch}`,
      process.platform === "linux" && ["x64", "arm64"].includes(process.arch),
      "the local cluster needs Linux on x86-64 or arm64; elsewhere: plumbline start --context NAME",
    ),
    check(
      "root",
      isRoot ? "yes" : "no",
      isRoot,
      "the local cluster needs root (sudo npm start); without: plumbline start --context NAME",
    ),
    check(
      "namespaces",
      namespaces().join(", ") || "none",
      ["net", "mnt", "pid"].every((name) => namespaces().includes(name)),
      "the kernel must have network, mount and PID namespaces; in a container: run it with --privileged",
    ),
    check(
      "cgroups",
      cgroups(),
      cgroups() !== "none",
      "mount a cgroup file system: mount -t cgroup2 none /sys/fs/cgroup",
    ),
  ];
  const go = goOnMachine();
  const problem = problemWithGo(Object.keys(builds) as BuildName[]);
  reports.push(check("Go", go ? `${goVersion()} (${go})` : "none", !problem, problem ?? ""));
  reports.push(await version("git", ["--version"], "2.30.0", "install git"));
  reports.push(await version("npm", ["--version"], "8.0.0", "install npm; it comes with Node"));
  for (const [name, folder, needed] of [
    ["cache folder", cacheFolder(), diskNeeded],
    ["state folder", stateFolder(), 1],
  ] as const) {
    const free = freeSpace(folder);
    const filled = name === "cache folder" && existsSync(`${cacheFolder()}/go/build`);
    reports.push(
      check(
        name,
        `${folder}, ${free.toFixed(0)} GiB free`,
        free >= (filled ? 2 : needed),
        `a set-up from source takes ${needed} GiB there: free some, or name another folder with ${name === "cache folder" ? "PLUMBLINE_CACHE" : "PLUMBLINE_STATE"}`,
      ),
    );
  }
  return reports;
}

const check = (name: string, found: string, good: boolean, wayOut: string): MachineReport =>
  good ? { check: name, found, good } : { check: name, found, good, wayOut };

async function version(name: string, args: readonly string[], least: string, wayOut: string): Promise<MachineReport> {
  const path = findOnPath(name);
  const said = path ? await execa(path, [...args], { reject: false, timeout: 10_000 }) : undefined;
  const found = /(\d+\.\d+(\.\d+)?)/.exec(said?.stdout ?? "")?.[1];
  return check(
    name,
    found ? `${found} (${path})` : "none",
    found !== undefined && !older(found, least),
    `${wayOut} ${least} or later`,
  );
}

const namespaces = (): string[] => ["net", "mnt", "pid"].filter((name) => existsSync(`/proc/self/ns/${name}`));

/** Which cgroups the machine has; the supervisor works with each of them. */
function cgroups(): "v1" | "v2" | "hybrid" | "none" {
  const mounts = existsSync("/proc/mounts") ? readFileSync("/proc/mounts", "utf8") : "";
  const v1 = /^\S+ \/sys\/fs\/cgroup\S* cgroup /m.test(mounts);
  const v2 = /^\S+ \/sys\/fs\/cgroup\S* cgroup2 /m.test(mounts);
  return v1 && v2 ? "hybrid" : v1 ? "v1" : v2 ? "v2" : "none";
}

/** Free space in GiB where the folder is, or would be. */
function freeSpace(folder: string): number {
  let at = folder;
  while (!existsSync(at)) at = dirname(at);
  const { bavail, bsize } = statfsSync(at);
  return (bavail * bsize) / 2 ** 30;
}
