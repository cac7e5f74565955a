// How do programs that exist only as Debian packages get here without being installed? Unpacked into the cache folder.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { execa, type Options } from "execa";
import { costOf, recordCost } from "./costs.ts";
import { EngineError } from "./errors.ts";
import { cacheFolder } from "./folders.ts";
import { findOnPath } from "./installed.ts";
import { withLock } from "./lock.ts";
import { allPrograms, type Program, rowOf } from "./programs.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, store } from "./store.ts";

/** A program out of a package. A folder `libraries` beside it belongs to it, where there is one. */
export interface Unpacked {
  readonly path: string;
  readonly version: string;
}

/** The program, if its package was unpacked before and is whole. */
export async function debianProgram(program: Program): Promise<Unpacked | undefined> {
  if (!rowOf(program).debian) return undefined;
  const folder = unpackedFolder();
  if ((await conditionOf(folder)) !== "good") return undefined;
  const version = versionsIn(folder)[program];
  return version === undefined ? undefined : { path: join(folder, program), version };
}

/** Makes sure that the programs are unpacked. Changes nothing under `/var` or `/etc`, and needs no root. */
export async function debian(
  programs: readonly Program[],
  say: Say,
  signal: AbortSignal,
): Promise<Map<Program, Unpacked>> {
  const folder = unpackedFolder();
  await explained(cacheFolder(), () =>
    withLock(
      join(folder, "..", ".lock"),
      { purpose: "unpacks Debian packages", signal, waiting: ({ pid }) => say(`process ${pid} does it; waiting`) },
      async () => {
        if ((await conditionOf(folder)) === "good") return keepFresh(folder);
        const started = performance.now();
        await store(folder, (aside) => unpack(aside, say, signal));
        recordCost("debian packages", (performance.now() - started) / 1000);
      },
    ),
  );
  const versions = versionsIn(folder);
  return new Map(
    programs.map((program) => [program, { path: join(folder, program), version: versions[program] ?? "" }]),
  );
}

/** Expected seconds of unpacking. */
export const unpackingSeconds = (): number => costOf("debian packages", 15);

/** What to do where there is no apt. */
export const withoutApt = (programs: readonly Program[]): EngineError =>
  new EngineError(
    "NO_APT",
    `${programs.join(", ")}: not on PATH at a version that will do, and this machine has no apt to fetch them with.`,
    `Install them with this system's package manager: ${programs
      .map((program) => `${rowOf(program).debian?.package} (${rowOf(program).version} or later)`)
      .join(", ")}.`,
  );

const packaged = (): Program[] => allPrograms.filter((program) => rowOf(program).debian);

function unpackedFolder(): string {
  return join(cacheFolder(), "debian", packageKey(packaged().map((program) => rowOf(program).debian)));
}

/** A key of what is taken from packages: another release of the machine's system has others. */
export function packageKey(wanted: unknown): string {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return createHash("sha256")
    .update(JSON.stringify([wanted, release, process.arch, 1]))
    .digest("hex")
    .slice(0, 16);
}

const versionsIn = (folder: string): Partial<Record<Program, string>> =>
  JSON.parse(readFileSync(join(folder, "versions.json"), "utf8"));

async function unpack(aside: string, say: Say, signal: AbortSignal): Promise<void> {
  const work = join(aside, ".apt");
  const names = packaged().map((program) => rowOf(program).debian?.package ?? "");
  const root = await fetchPackages(names, work, { all: false }, say, signal);
  const found: Partial<Record<Program, string>> = {};
  for (const program of packaged()) {
    await place(program, root, aside, signal);
    const { onPath, version } = rowOf(program);
    if (!onPath) continue;
    const { stdout, stderr } = await execa(join(aside, program), [...onPath.args], {
      reject: false,
      cancelSignal: signal,
    });
    found[program] = onPath.version.exec(`${stdout}\n${stderr}`)?.[1] ?? version;
  }
  writeFileSync(join(aside, "versions.json"), `${JSON.stringify(found, null, 2)}\n`);
  rmSync(work, { recursive: true, force: true });
}

/**
 * Fetches packages with what they depend on, and unpacks them.
 *
 * @param work a folder for everything that apt writes
 * @param options `all`: the C library as well. Programs of this machine must have the machine's own: its loader refuses any other
 * @returns the folder that has their files
 */
export async function fetchPackages(
  names: readonly string[],
  work: string,
  { all }: { all: boolean },
  say: Say,
  signal: AbortSignal,
): Promise<string> {
  const apt = findOnPath("apt-get", ["/usr/bin"]);
  if (!apt || !findOnPath("dpkg-deb", ["/usr/bin"])) throw withoutApt(packaged());
  const options: Options = {
    env: { APT_CONFIG: await configure(work, signal), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    stdin: "ignore",
    cancelSignal: signal,
    timeout: 300_000,
  };
  say("reading the package lists");
  await run(apt, ["update"], options);
  say(`fetching ${names.join(", ")}`);
  await run(apt, ["-y", "--no-install-recommends", "--download-only", "install", ...names], options);
  say("unpacking");
  const root = join(work, "root");
  const archives = join(work, "cache", "archives");
  for (const archive of readdirSync(archives).filter(
    (file) => /\.deb$/.test(file) && (all || !/^(libc6|gcc-|libgcc-)/.test(file)),
  ))
    await run("dpkg-deb", ["-x", join(archives, archive), root], options);
  return root;
}

/** Puts a program into the folder, behind a launcher where the machine lacks libraries of it. */
async function place(program: Program, root: string, folder: string, signal: AbortSignal): Promise<void> {
  const from = [rowOf(program).debian?.path ?? "", `usr/${rowOf(program).debian?.path}`]
    .map((path) => join(root, path))
    .find((path) => existsSync(path));
  if (!from)
    throw new EngineError(
      "PACKAGE_FAILED",
      `The package ${rowOf(program).debian?.package} has no ${program}.`,
      "Install it yourself, so that it is found on PATH.",
    );
  const libraries = join(folder, "libraries");
  const lacking = await missingLibraries(from, root, libraries, signal);
  const target = join(folder, program);
  copyFileSync(from, target);
  chmodSync(target, 0o755);
  if (!lacking.length) return;
  // runc starts itself again from /proc/self/exe with an empty environment: no launcher can help it.
  if (program === "runc")
    throw new EngineError(
      "PACKAGE_FAILED",
      `runc needs ${lacking.join(", ")}, which this machine lacks.`,
      "Install the package libseccomp2.",
    );
  renameSync(target, join(libraries, program));
  writeFileSync(
    target,
    `#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")/libraries\nLD_LIBRARY_PATH=$here exec "$here/${program}" "$@"\n`,
    { mode: 0o755 },
  );
}

/** Copies the libraries that the machine lacks, and those that these need in turn, out of the unpacked packages. */
async function missingLibraries(
  program: string,
  root: string,
  libraries: string,
  signal: AbortSignal,
): Promise<string[]> {
  const offered = new Map(
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.so(\.|$)/.test(path))
      .map((path) => [basename(path), join(root, path)]),
  );
  const copied: string[] = [];
  for (;;) {
    const { stdout } = await execa("ldd", [program], {
      reject: false, // a static program is "not a dynamic executable"
      env: { LD_LIBRARY_PATH: libraries },
      cancelSignal: signal,
    });
    const lacking = [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name ?? "");
    const next = lacking.filter((name) => offered.has(name) && !copied.includes(name));
    if (!next.length) return [...copied, ...lacking];
    mkdirSync(libraries, { recursive: true });
    for (const name of next) {
      copyFileSync(offered.get(name) ?? "", join(libraries, name));
      copied.push(name);
    }
  }
}

/**
 * Writes apt's configuration: the machine's own sources, keys and proxies, everything that apt writes below `work`, and
 * an empty list of installed packages, so that what is missing here is fetched too. The machine's hooks stay out.
 */
async function configure(work: string, signal: AbortSignal): Promise<string> {
  for (const folder of ["state/lists/partial", "cache/archives/partial", "log"])
    mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, "status"), "");
  const { stdout } = await execa("apt-config", ["dump"], { cancelSignal: signal });
  const machine = stdout
    .split("\n")
    .filter(
      (line) => /^(Acquire|APT::Architectures?|Dir::Etc)(::| )/.test(line) && !/^Dir::Etc::(parts|main) /.test(line),
    )
    .filter((line) => !/ "";$/.test(line));
  const file = join(work, "apt.conf");
  const own = {
    "Dir::Etc::parts": "/dev/null",
    "Dir::Etc::main": "/dev/null",
    "Dir::State": join(work, "state"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": join(work, "cache"),
    "Dir::Log": join(work, "log"),
    "APT::Sandbox::User": "root", // apt's own user cannot reach the cache folder of a person
    "Acquire::Languages": "none",
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} "${value}";`);
  writeFileSync(file, `${[...machine, ...lines].join("\n")}\n`, { mode: 0o600 }); // proxies may carry a password
  return file;
}

async function run(command: string, args: readonly string[], options: Options): Promise<void> {
  const result = await execa(command, args, { ...options, reject: false, all: true });
  options.cancelSignal?.throwIfAborted();
  if (!result.failed) return;
  const tail = String(result.all).split("\n").slice(-8).join("\n");
  if (/no space left on device/i.test(tail)) throw Object.assign(new Error(tail), { code: "ENOSPC" });
  throw new EngineError(
    "PACKAGE_FAILED",
    `${basename(command)} ${args.join(" ")} failed:\n${tail}`,
    `Install ${packaged()
      .map((program) => rowOf(program).debian?.package)
      .join(", ")} yourself, so that they are found on PATH, or mend apt's sources.`,
  );
}
