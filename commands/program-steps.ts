// Which programs does the local platform need, and what brings them onto this machine?
import { programFolder } from "../engine/program-folder.ts";
import type { Program } from "../engine/programs.ts";
import type { Step } from "../engine/progress.ts";
import { planResolution, type Resolved } from "../engine/resolve.ts";

/** Programs that a run of Pulumi needs. */
export const pulumiPrograms = [
  "pulumi",
  "pulumi-language-nodejs",
  "pulumi-resource-pulumi-nodejs",
  "pulumi-analyzer-policy-nodejs",
  "pulumi-resource-kubernetes",
  "plumbline-cel",
  "kustomize",
] as const satisfies readonly Program[];

/** What is left to do, and where everything is once it is done. */
export interface ProgramPlan {
  readonly steps: readonly Step[];
  /** One folder with all of them; call it after the steps have run. */
  readonly folder: () => Promise<string>;
  readonly resolved: ReadonlyMap<Program, Resolved>;
}

/** Looks which of the programs are there; the steps get the others. */
export const planPrograms = async (wanted: readonly Program[]): Promise<ProgramPlan> => {
  const { steps, resolved } = await planResolution(wanted);
  return { steps, resolved, folder: () => programFolder(resolved.values()) };
};
