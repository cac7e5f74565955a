// One `up` of a platform at a time; and one that was killed is gone on from, whoever runs the next.
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stateLayout } from "../engine/folders.ts";
import { withLock } from "../engine/lock.ts";
import { endOrphans } from "./orphans.ts";
import { runPulumi } from "./pulumi.ts";
import { editState } from "./state.ts";

/** There while an `up` is under way, or after one that did not end well. */
export const unfinishedUp = (state: string): string => join(stateLayout(state).pulumi, "unfinished");

/**
 * Runs an `up` of a stack while no other process of this platform does.
 *
 * @param work says whether the `up` has ended well
 */
export const goOnWithUp = (
  { state, stack, env }: { readonly state: string; readonly stack: string; readonly env: Record<string, string> },
  work: () => Promise<boolean>,
): Promise<void> =>
  withLock(
    join(stateLayout(state).pulumi, "up.lock"),
    {
      purpose: `changes stack ${stack}`,
      waiting: ({ pid, purpose }) => process.stderr.write(`Process ${pid} ${purpose}; waiting for it.\n`),
    },
    async () => {
      const unfinished = unfinishedUp(state);
      if (await stat(unfinished).catch(() => undefined)) await forgetInterruption(state, stack, env);
      await writeFile(unfinished, `${stack}\n`);
      if (await work()) await rm(unfinished);
    },
  );

// A run that was killed leaves its lock, and operations of which nobody knows whether they reached the cluster. They need
// no look at the cluster: server-side apply creates what is missing and adopts what is there.
const forgetInterruption = async (state: string, stack: string, env: Record<string, string>): Promise<void> => {
  endOrphans(state);
  await runPulumi(["cancel", "--yes", "--stack", stack], env, { exitCodes: [0, 1, 255] });
  await editState(stack, env, (deployment) =>
    deployment.pending_operations?.length ? { ...deployment, pending_operations: [] } : undefined,
  );
};
