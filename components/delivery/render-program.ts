// How is a renderer run? Kustomize and Helm as subprocesses that see files of one commit, and nothing of this machine.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Closure, contentsOf, documentOf } from "./closure.ts";
import { findProgram } from "./find-program.ts";
import { reachesOut, withPlaces } from "./remote-files.ts";
import type { Snapshot } from "./repository.ts";

/** Variables that name the programs; unset, they are looked for on `PATH`. */
export const rendererVariables = { kustomize: "PLUMBLINE_KUSTOMIZE", helm: "PLUMBLINE_HELM" } as const;

/** A program that renders. */
export type Renderer = keyof typeof rendererVariables;

/** Where a renderer is. @throws Error that says how to get it */
export const rendererPath = (renderer: Renderer, env: NodeJS.ProcessEnv = process.env): string => {
  const variable = rendererVariables[renderer];
  const wayOut = `apps are rendered with it. Run this through \`plumbline\`, which gets it, or install ${renderer} and set ${variable} to its path`;
  return findProgram({ program: renderer, variable, wayOut }, env);
};

/** What a renderer said when it failed. */
export class RendererFailure extends Error {
  override readonly name = "RendererFailure";
}

/** A folder with the files of a closure, and a way to run renderers in it. */
export interface Workplace {
  readonly folder: string;
  /** Runs a renderer in the folder. @throws RendererFailure with what it said */
  readonly run: (renderer: Renderer, args: readonly string[]) => Promise<Buffer>;
}

/** Makes the folder, lets something be done in it, and removes it. */
export const withFiles = async <T>(
  snapshot: Snapshot,
  closure: Closure,
  work: (place: Workplace) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-render-"));
  try {
    const contents = await contentsOf(snapshot, [...closure.values()]);
    for (const parent of new Set([...contents.keys()].map((path) => dirname(join(folder, path)))))
      await mkdir(parent, { recursive: true });
    await Promise.all([...contents].map(([path, bytes]) => writeFile(join(folder, path), bytes)));
    for (const part of [...closure.values()].filter(reachesOut)) {
      const { value } = await documentOf(snapshot, part.path, part);
      await writeFile(join(folder, part.path), JSON.stringify(withPlaces(value, part)));
    }
    return await work({ folder, run: (renderer, args) => inTurn(() => run(renderer, args, folder)) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Seconds that a renderer may take. */
const bound = 60;

const run = (renderer: Renderer, args: readonly string[], folder: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const path = rendererPath(renderer);
    const options = {
      cwd: folder,
      // Neither plug-ins nor configuration of whoever runs this: the same files are to give the same objects.
      env: { PATH: "/usr/bin:/bin", HOME: folder, HELM_PLUGINS: "/nowhere", HELM_NO_PLUGINS: "1" },
      timeout: bound * 1000,
      maxBuffer: 1 << 28,
      encoding: "buffer",
    } as const;
    execFile(path, [...args], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      reject(
        new RendererFailure(error.killed ? `${renderer} did not end within ${bound} s` : stderr.toString().trim()),
      );
    });
  });

let running = 0;
const waiting: (() => void)[] = [];

/** As many renderers at a time as there are processors. */
const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
};
