// `plumbline stop`: ends the platform of this clone.
import { rm, rmdir } from "node:fs/promises";
import pc from "picocolors";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { stopCluster } from "../local/cluster.ts";
import { endOrphans } from "./orphans.ts";
import { platformFile } from "./platform-file.ts";
import { selectedStack, stackConfig } from "./pulumi.ts";

export interface StopOptions {
  /** Keep etcd's data, the Git repository and Pulumi's state for the next start. */
  readonly keep: boolean;
}

/** Ends every process, also after a crash; removes the state folder unless it is to be kept. Safe to repeat. */
export const stop = async ({ keep }: StopOptions): Promise<void> => {
  const began = performance.now();
  const state = stateFolder();
  const { stopped } = await stopCluster({ state, keep });
  endOrphans(state);
  if (!keep) {
    const stack = await selectedStack(state);
    if (stack) await rm(stackConfig(stack), { force: true });
    await removePlatform(state);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stderr.write(
    stopped
      ? `${pc.green("✔")} The platform has stopped in ${seconds} s.${keep ? " Its data is kept: `npm start` goes on with it." : ""}\n`
      : `Nothing was running.${keep ? "" : " What an earlier run left is removed."}\n`,
  );
};

// Only what a platform writes: test runs keep their clones in the same folder.
const removePlatform = async (state: string): Promise<void> => {
  const { pulumi, git, log, lock } = stateLayout(state);
  for (const each of [pulumi, git, log, lock, platformFile(state)]) await rm(each, { recursive: true, force: true });
  await rmdir(state).catch((error: NodeJS.ErrnoException) => {
    if (!["ENOENT", "ENOTEMPTY"].includes(error.code ?? "")) throw error;
  });
};
