// What is a cluster able to, as charts ask for it? What somebody who can ask it has left in a file.
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { capabilitiesSchema, readLock } from "./lock.ts";

/** What `.Capabilities` of a chart is made of. */
export interface ClusterCapabilities {
  /** `.Capabilities.KubeVersion`: "v1.34.2". */
  readonly kubeVersion: string;
  /** `.Capabilities.APIVersions`: "apps/v1" and "apps/v1/Deployment". */
  readonly apiVersions: readonly string[];
}

/** Variable that names the file. */
export const capabilitiesVariable = "PLUMBLINE_CAPABILITIES";

/**
 * What the file of {@link capabilitiesVariable} says, else the lock file of the stack; undefined where no cluster is known.
 *
 * @throws Error that names the file
 */
export const knownCapabilities = async (): Promise<ClusterCapabilities | undefined> => {
  const file = process.env[capabilitiesVariable];
  if (!file) return (await readLock()).cluster;
  const wayOut = "Correct it, or leave the variable out: charts are then rendered for no cluster in particular";
  try {
    return capabilitiesSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const said = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${capabilitiesVariable} names ${file}, which holds no capabilities: ${said}. ${wayOut}`);
  }
};
