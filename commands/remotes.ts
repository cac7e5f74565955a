// Where do commands keep what apps name outside of their repository? The lock beside the stack, the content in the cache folder.
import { join } from "node:path";
import { cacheFolder, root } from "../engine/folders.ts";

/** The lock file of a stack. */
export const lockFileOf = (stack: string): string => join(root, "stacks", `${stack}.lock.yaml`);

/** What everything that renders finds in its environment: the lock of the stack, and the folder of what was fetched. */
export const remotesEnvironment = (stack: string): Record<string, string> => ({
  PLUMBLINE_LOCK: lockFileOf(stack),
  PLUMBLINE_REMOTES: join(cacheFolder(), "remotes"),
});

/** The same, for this process. The person's own variables win. */
export const findRemotes = (stack: string): void => {
  for (const [variable, value] of Object.entries(remotesEnvironment(stack))) process.env[variable] ||= value;
};
