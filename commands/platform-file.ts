// What was started here: the few facts of the stack that `status` shows without loading the whole library.
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stateLayout } from "../engine/folders.ts";

/** The facts, as `start` wrote them. */
export interface PlatformFile {
  readonly platform: string;
  readonly stack: string;
  readonly branch: string;
  /** Names of the images that the nodes of the local cluster have: those of the layers with which it was started. */
  readonly images: readonly string[];
  /** Set where the platform stands on a cluster of the person's own. */
  readonly context?: string;
  readonly layers: readonly {
    readonly slot: string;
    readonly implementation: string;
    readonly version: string;
    /** Set where something of it is reached from outside the cluster. */
    readonly scheme?: "http" | "https";
  }[];
}

/** Where they stand. */
export const platformFile = (state: string): string => join(stateLayout(state).state, "platform.json");

/** Undefined where nothing was started. */
export const readPlatformFile = async (state: string): Promise<PlatformFile | undefined> => {
  const text = await readFile(platformFile(state), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as PlatformFile);
};

export const writePlatformFile = async (state: string, facts: PlatformFile): Promise<void> => {
  await writeFile(`${platformFile(state)}.new`, `${JSON.stringify(facts, null, 2)}\n`);
  await rename(`${platformFile(state)}.new`, platformFile(state));
};
