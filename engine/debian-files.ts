// Which files of Debian packages make an image's layer? The named ones with every library that they need, as one archive.
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import { create } from "tar";
import { costOf, recordCost } from "./costs.ts";
import { fetchPackages, packageKey, type Unpacked } from "./debian.ts";
import { EngineError } from "./errors.ts";
import { cacheFolder } from "./folders.ts";
import { withLock } from "./lock.ts";
import { type Program, rowOf } from "./programs.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, store } from "./store.ts";

/** The archive, if it was made before and is whole. */
export async function debianFiles(program: Program): Promise<Unpacked | undefined> {
  const { files, version } = rowOf(program);
  if (!files) return undefined;
  const folder = folderOf(program);
  return (await conditionOf(folder)) === "good" ? { path: join(folder, program), version } : undefined;
}

/** Makes sure that the archive is there. Changes nothing under `/var` or `/etc`, and needs no root. */
export async function makeDebianFiles(program: Program, say: Say, signal: AbortSignal): Promise<Unpacked> {
  const folder = folderOf(program);
  await explained(cacheFolder(), () =>
    withLock(
      join(folder, "..", `.lock-${program}`),
      { purpose: `packs ${program}`, signal, waiting: ({ pid }) => say(`process ${pid} does it; waiting`) },
      async () => {
        if ((await conditionOf(folder)) === "good") return keepFresh(folder);
        const started = performance.now();
        await store(folder, (aside) => pack(program, aside, say, signal));
        recordCost(`pack ${program}`, (performance.now() - started) / 1000);
      },
    ),
  );
  return { path: join(folder, program), version: rowOf(program).version };
}

/** Expected seconds of making it. */
export const packingSeconds = (program: Program): number => costOf(`pack ${program}`, 15);

const folderOf = (program: Program): string =>
  join(cacheFolder(), "debian-files", packageKey([program, rowOf(program).files, ...ownNode(program)]));

/** Node is the one that runs this: another one makes another archive. */
const ownNode = (program: Program): string[] => (rowOf(program).files?.node ? [process.version] : []);

async function pack(program: Program, aside: string, say: Say, signal: AbortSignal): Promise<void> {
  const { packages = [], paths = [], node } = rowOf(program).files ?? {};
  const work = join(aside, ".apt");
  const root = await fetchPackages(packages, work, { all: true }, say, signal);
  say("packing");
  const layer = join(work, "layer");
  const offered = filesOf(root);
  const loader = offered.find((path) => /\/ld-linux[\w-]*\.so\.\d+$/.test(path) && !lstatSync(path).isSymbolicLink());
  if (!loader) throw lacking(program, "the C library's loader");
  const libraries = [...new Set(offered.filter((path) => /\.so(\.|$)/.test(path)).map(dirname))].join(":");
  const wanted = paths.map((path) => ({ path, from: join(root, path) }));
  for (const { path, from } of node ? [...wanted, { path: node, from: process.execPath }] : wanted) {
    if (!existsSync(from)) throw lacking(program, path);
    put(from, join(layer, path));
    // The interpreter that the file names itself; a script names none that is a loader.
    const [interpreter] = /\/lib[\w/.-]*\/ld-linux[\w.-]+/.exec(readFileSync(from).toString("latin1", 0, 4096)) ?? [];
    if (!interpreter) continue;
    put(loader, join(layer, interpreter));
    const { stdout } = await execa(loader, ["--library-path", libraries, "--list", from], { cancelSignal: signal });
    // Where every loader looks by itself.
    for (const [, needed = ""] of stdout.matchAll(/=> (\S+) \(/g))
      put(needed, join(layer, "usr", "lib", basename(needed)));
  }
  await create(
    { file: join(aside, program), cwd: layer, portable: true, mtime: new Date(0) },
    readdirSync(layer).sort(),
  );
  rmSync(work, { recursive: true, force: true });
}

/** Copies the file itself where `from` is a link to it. */
function put(from: string, to: string): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  cpSync(realpathSync(from), to, { recursive: true });
}

const filesOf = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => join(root, path));

const lacking = (program: Program, path: string): EngineError =>
  new EngineError(
    "PACKAGE_FAILED",
    `The packages ${rowOf(program).files?.packages.join(", ")} have no ${path}, which ${program} is to hold.`,
    "Look where this release of Debian has it, and name that place in engine/layer-programs.ts.",
  );
