// `plumbline get`: brings programs onto this machine and starts nothing, so that a later start has only to start.
import { allPrograms, programsFor } from "../engine/programs.ts";
import { runPlan } from "../engine/progress.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { planPrograms } from "./program-steps.ts";
import { implementationsOf } from "./stack-layers.ts";

/** Gets the programs of a stack, or every one. */
export const get = async ({ stack }: { stack?: string }): Promise<void> => {
  const wanted = stack ? programsFor(implementationsOf(await loadStack(stack))) : allPrograms;
  const { steps } = await planPrograms(wanted);
  await runPlan(steps);
  process.stderr.write(`All ${wanted.length} programs are there.\n`);
};
