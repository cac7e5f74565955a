// Where does each program come from on this machine? PATH, then its vendor, then the pinned source.
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { build, built, prefetch, secondsOf } from "./builds.ts";
import { costOf } from "./costs.ts";
import { debian, debianProgram } from "./debian.ts";
import { debianFiles, makeDebianFiles, packingSeconds } from "./debian-files.ts";
import { download, downloadedPath, downloadFolder } from "./downloads.ts";
import { EngineError } from "./errors.ts";
import { installed } from "./installed.ts";
import { type BuildName, builds, type Program, rowOf } from "./programs.ts";
import type { Say, Step } from "./progress.ts";
import { conditionOf } from "./store.ts";

/** A program that is there and may be started. */
export interface Resolved {
  readonly program: Program;
  readonly version: string;
  readonly path: string;
  readonly from: Source;
}

/** `package`: a Debian package, unpacked into the cache. It needs no leave of its own: where `build` may, it may. */
export type Source = "path" | "download" | "build" | "package";

/** The programs that could be had at once, and one step for each of the others, to be run in this order. */
export interface Resolution {
  /** Complete after every step has run. */
  readonly resolved: Map<Program, Resolved>;
  readonly steps: readonly Step[];
}

/**
 * Resolves the programs, doing whatever is needed: PATH at the right version, then the vendor's download with its
 * checksum, then a build from the pinned Go module. `PLUMBLINE_SOURCES` (a list of `path`, `download`, `build`) says
 * which of these may be used.
 */
export async function resolve(
  programs: readonly Program[],
  { say = () => {}, signal = new AbortController().signal }: { say?: Say; signal?: AbortSignal } = {},
): Promise<Map<Program, Resolved>> {
  const { resolved, steps } = await planResolution(programs);
  for (const step of steps) await step.run((detail) => say(`${step.title}: ${detail}`), signal);
  return resolved;
}

/** What there is to do before the programs are all there; does nothing yet but look. */
export async function planResolution(programs: readonly Program[]): Promise<Resolution> {
  const sources = allowedSources();
  const resolved = new Map<Program, Resolved>();
  const waiting: Program[] = [];
  await Promise.all(
    programs.map(async (program) => {
      const found = await atHand(program, sources);
      if (found) resolved.set(program, found);
      else waiting.push(program);
    }),
  );
  return {
    resolved,
    steps: stepsFor(
      programs.filter((program) => waiting.includes(program)),
      sources,
      resolved,
    ),
  };
}

/** The sources that `PLUMBLINE_SOURCES` allows; all by default. */
export function allowedSources(): ReadonlySet<Source> {
  const given = (process.env.PLUMBLINE_SOURCES || "path,download,build").split(",").map((source) => source.trim());
  const wrong = given.find((source) => !["path", "download", "build"].includes(source));
  if (wrong !== undefined)
    throw new EngineError(
      "NO_SOURCE",
      `PLUMBLINE_SOURCES names ${JSON.stringify(wrong)}.`,
      "It is a list of path, download and build, separated by commas.",
    );
  return new Set([...(given as Source[]), ...(given.includes("build") ? (["package"] as const) : [])]);
}

/** What can be had without work: from PATH, or already in the cache and whole. */
async function atHand(program: Program, sources: ReadonlySet<Source>): Promise<Resolved | undefined> {
  const { version, onPath, build: from } = rowOf(program);
  if (sources.has("path") && onPath) {
    const found = await installed(program, version, onPath);
    if (found?.version && !found.refused) return { program, version: found.version, path: found.path, from: "path" };
  }
  const folder = downloadFolder(program);
  const path = downloadedPath(program);
  if (sources.has("download") && folder && path && (await conditionOf(folder)) === "good")
    return { program, version, path, from: "download" };
  if (sources.has("build") && from) {
    const { folder, condition } = await built(from);
    if (condition === "good") return { program, version, path: join(folder, program), from: "build" };
  }
  if (sources.has("package")) {
    const found = (await debianProgram(program)) ?? (await debianFiles(program));
    if (found) return { program, ...found, from: "package" };
  }
  return undefined;
}

function stepsFor(
  programs: readonly Program[],
  sources: ReadonlySet<Source>,
  resolved: Map<Program, Resolved>,
): readonly Step[] {
  const steps: Step[] = [];
  const packaged = programs.filter((program) => rowOf(program).debian);
  if (packaged.length) {
    steps.push({
      title: `Unpack ${packaged.join(", ")}`,
      seconds: costOf("debian packages", 15),
      run: async (say, signal) => {
        if (!sources.has("package")) throw noSource(packaged, sources);
        for (const [program, found] of await debian(packaged, say, signal))
          resolved.set(program, { program, ...found, from: "package" });
      },
    });
  }
  for (const program of programs.filter((each) => rowOf(each).files)) {
    steps.push({
      title: `Pack ${program}`,
      seconds: packingSeconds(program),
      run: async (say, signal) => {
        if (!sources.has("package")) throw noSource([program], sources);
        resolved.set(program, { program, ...(await makeDebianFiles(program, say, signal)), from: "package" });
      },
    });
  }
  const needed = (Object.keys(builds) as BuildName[]).filter((name) =>
    programs.some((program) => rowOf(program).build === name),
  );
  // Fetched ahead by the first that is built: the sources of those that no vendor offers, or may offer.
  let ahead = false;
  const fetchAhead = (from: BuildName, signal: AbortSignal): void => {
    if (ahead) return;
    ahead = true;
    const rest = needed
      .slice(needed.indexOf(from) + 1)
      .filter((name) => !sources.has("download") || !programs.some((program) => offers(program, name)));
    void prefetch(rest, signal);
  };
  for (const name of needed) {
    const mine = programs.filter((program) => rowOf(program).build === name);
    steps.push({
      title: `Get ${name}`,
      seconds: secondsOf(name),
      run: async (say, signal) => {
        for (const found of await obtain(name, mine, sources, fetchAhead, say, signal))
          resolved.set(found.program, found);
      },
    });
  }
  return steps;
}

/** The programs of one build: downloaded if they all can be, else built together. */
async function obtain(
  name: BuildName,
  programs: readonly Program[],
  sources: ReadonlySet<Source>,
  fetchAhead: (from: BuildName, signal: AbortSignal) => void,
  say: Say,
  signal: AbortSignal,
): Promise<Resolved[]> {
  if (sources.has("download")) {
    const found: Resolved[] = [];
    for (const program of programs) {
      const path = await download(program, say, signal);
      if (path && lstatSync(path, { throwIfNoEntry: false }))
        found.push({ program, version: rowOf(program).version, path, from: "download" });
    }
    if (found.length === programs.length) return found;
  }
  if (!sources.has("build")) throw noSource(programs, sources);
  fetchAhead(name, signal);
  const folder = await build(name, say, signal);
  return programs.map((program) => ({
    program,
    version: rowOf(program).version,
    path: join(folder, program),
    from: "build",
  }));
}

const offers = (program: Program, name: BuildName): boolean =>
  rowOf(program).build === name && rowOf(program).download !== undefined;

const noSource = (programs: readonly Program[], sources: ReadonlySet<Source>): EngineError =>
  new EngineError(
    "NO_SOURCE",
    `${programs.join(", ")}: not on PATH at the tested version, and not to be had from ${[...sources].join(", ")}.`,
    "Let them be built from source: PLUMBLINE_SOURCES=path,download,build (needs Go). `plumbline doctor` lists each program.",
  );
