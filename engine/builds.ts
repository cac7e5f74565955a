// How does a program come out of its Go module? Built into the cache under a key of everything that decides the output.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { costOf, recordCost } from "./costs.ts";
import { cacheFolder, root } from "./folders.ts";
import { type GoCall, goVersion, prepareGo, requiredGo, runGo } from "./go.ts";
import { older } from "./installed.ts";
import { withLock } from "./lock.ts";
import { type BuildName, buildOf, builds } from "./programs.ts";
import type { Say } from "./progress.ts";
import { type Condition, conditionOf, explained, keepFresh, store } from "./store.ts";

/** What a build made, or would make. */
export interface Built {
  readonly folder: string;
  readonly condition: Condition;
}

/** Expected seconds of a build: what it took here the last time, else what it took on 2 cores. */
export const secondsOf = (name: BuildName): number => costOf(`build ${name}`, buildOf(name).seconds);

/** Where the output of a build lies, and whether it is there and whole. Builds nothing. */
export async function built(name: BuildName, options: { thorough?: boolean } = {}): Promise<Built> {
  const folder = join(cacheFolder(), "programs", name, keyOf(name));
  return { folder, condition: await conditionOf(folder, options) };
}

/** Makes sure that the output of a build is there; gives its folder. */
export async function build(name: BuildName, say: Say, signal: AbortSignal): Promise<string> {
  const there = await built(name);
  if (there.condition === "good") {
    keepFresh(there.folder);
    return there.folder;
  }
  const parent = join(cacheFolder(), "programs", name);
  return explained(cacheFolder(), () =>
    withLock(
      join(parent, ".lock"),
      {
        purpose: `builds ${name}`,
        signal,
        waiting: ({ pid }) => say(`process ${pid} builds it already; waiting for that`),
      },
      async () => {
        const { folder, condition } = await built(name);
        if (condition === "good") return folder;
        if (condition !== "missing") say(`${condition.altered}; it is thrown away and built again`);
        const started = performance.now();
        await store(folder, (aside) => compile(name, aside, say, signal));
        recordCost(`build ${name}`, (performance.now() - started) / 1000);
        keepFresh(folder);
        return folder;
      },
    ),
  );
}

/**
 * Fetches the sources of builds that are still to come, one after the other, while another one compiles: the network and
 * the processors are not waited for in turn. What fails here fails again, with its message, when its build begins.
 */
export async function prefetch(names: readonly BuildName[], signal: AbortSignal): Promise<void> {
  const temporary = join(cacheFolder(), "go", "tmp");
  mkdirSync(temporary, { recursive: true });
  for (const name of names) {
    const module = resolve(root, buildOf(name).folder);
    const log = `${logOf(name)}.fetch`;
    const targets = Object.values<string>(buildOf(name).outputs);
    try {
      const call = { go: prepareGo(module), module, log, temporary, signal };
      await runGo(call, ["list", "-deps", ...flagsOf(name, false), ...targets]);
    } catch {
      if (signal.aborted) return;
    } finally {
      rmSync(log, { force: true });
    }
  }
}

/** A short hash of everything that decides what a build makes: pins, our own sources, flags, toolchain, architecture. */
export function keyOf(name: BuildName): string {
  const module = resolve(root, buildOf(name).folder);
  const hash = createHash("sha256");
  hash.update(JSON.stringify([buildOf(name), flagsOf(name), toolchainOf(module), process.arch]));
  for (const file of sourcesOf(name)) hash.update(`\0${relative(module, file)}\0`).update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

async function compile(name: BuildName, aside: string, say: Say, signal: AbortSignal): Promise<void> {
  const { folder, outputs, links = {}, scripts = [] } = buildOf(name);
  const module = resolve(root, folder);
  const go = prepareGo(module);
  if (go.environment.GOTOOLCHAIN === "auto")
    say(`Go ${go.installed} is older than ${requiredGo(module)}: Go fetches that one first`);
  const temporary = join(aside, ".tmp");
  mkdirSync(temporary);
  const call: GoCall = { go, module, log: logOf(name), temporary, signal };
  mkdirSync(join(cacheFolder(), "log"), { recursive: true });
  writeFileSync(call.log, "");
  for (const [output, target] of Object.entries(outputs)) {
    say("fetching its source");
    const packages = (await runGo(call, ["list", "-deps", ...flagsOf(name, false), target])).length;
    let compiled = 0;
    say(`${packages} packages`);
    await runGo(call, ["build", "-v", ...flagsOf(name), "-o", join(aside, output), target], () => {
      compiled++;
      if (compiled % 10 === 0 || compiled === packages) say(`${compiled} of at most ${packages} packages`);
    });
    for (const link of links[output] ?? []) symlinkSync(output, join(aside, link));
  }
  for (const script of scripts) copyFileSync(join(module, script), join(aside, basename(script)));
  rmSync(temporary, { recursive: true, force: true });
}

const logOf = (name: BuildName): string => join(cacheFolder(), "log", `build-${name}.log`);

function flagsOf(name: BuildName, linking = true): string[] {
  const { tags = [], stamp = {} } = buildOf(name);
  const variables = Object.entries(stamp).map(([variable, value]) => `-X ${variable}=${value}`);
  const linker = ["-s", "-w", ...variables].join(" ");
  return [
    "-mod=readonly",
    ...(tags.length ? ["-tags", tags.join(",")] : []),
    // The linker drops DWARF in any case (-w): not making it saves an eighth of a cold build.
    ...(linking ? ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", linker] : []),
  ];
}

/** The module's files, without the folders that are other builds of the same module, and without tests. */
function sourcesOf(name: BuildName): string[] {
  const { folder, outputs, scripts = [] } = buildOf(name);
  const module = resolve(root, folder);
  const own = Object.values<string>(outputs).filter((target) => target.startsWith("."));
  const others = Object.keys(builds)
    .filter((other) => other !== name)
    .map((other) => buildOf(other as BuildName))
    .filter((other) => other.folder === folder)
    .flatMap((other) => Object.values(other.outputs))
    .filter((target) => target.startsWith("./"))
    .map((target) => resolve(module, target) + sep);
  const files = [join(module, "go.mod"), join(module, "go.sum"), ...scripts.map((script) => join(module, script))];
  for (const target of own)
    for (const entry of readdirSync(resolve(module, target), { withFileTypes: true, recursive: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && !file.endsWith("_test.go") && !others.some((other) => file.startsWith(other)))
        files.push(file);
    }
  return [...new Set(files)].filter((file) => existsSync(file)).sort();
}

/** Version of the toolchain that will compile. */
function toolchainOf(module: string): string {
  const wanted = requiredGo(module);
  const found = goVersion();
  return found && !older(found, wanted) ? found : wanted;
}
