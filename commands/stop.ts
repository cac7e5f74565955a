// `plumbline stop`: ends the platform of this clone.
import { rm } from "node:fs/promises";
import pc from "picocolors";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { stopCluster } from "../local/cluster.ts";

export interface StopOptions {
  /** Keep etcd's data, the Git repository and Pulumi's state for the next start. */
  readonly keep: boolean;
}

/** Ends every process, also after a crash; removes the state folder unless it is to be kept. Safe to repeat. */
export const stop = async ({ keep }: StopOptions): Promise<void> => {
  const began = performance.now();
  const state = stateFolder();
  const { pulumi, git, log, state: folder } = stateLayout(state);
  const { stopped } = await stopCluster({ state, keep });
  if (!keep) for (const each of [pulumi, git, log, folder]) await rm(each, { recursive: true, force: true });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stderr.write(
    stopped
      ? `${pc.green("✔")} The platform has stopped in ${seconds} s.${keep ? " Its data is kept: `npm start` goes on with it." : ""}\n`
      : `Nothing was running.${keep ? "" : " What an earlier run left is removed."}\n`,
  );
};
