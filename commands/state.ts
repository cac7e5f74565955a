// How is Pulumi's state of a stack changed without Pulumi? Exported, edited, imported: as a whole, or not at all.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runPulumi } from "./pulumi.ts";

/** What of an exported deployment is looked at here. */
export interface Deployment {
  readonly pending_operations?: readonly unknown[];
  readonly resources?: readonly StateResource[];
}

/** One resource of a state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly retainOnDelete?: boolean;
  readonly inputs?: { readonly metadata?: { readonly name?: string; readonly namespace?: string } };
}

/** Replaces the deployment of a stack by what `edit` makes of it; undefined leaves it as it is. */
export const editState = async (
  stack: string,
  env: Record<string, string>,
  edit: (deployment: Deployment) => Deployment | undefined,
): Promise<void> => {
  const { stdout } = await runPulumi(["stack", "export", "--stack", stack], env);
  const exported = JSON.parse(stdout) as { readonly deployment?: Deployment };
  const deployment = exported.deployment && edit(exported.deployment);
  if (!deployment) return;
  const file = join(env.PULUMI_HOME ?? "", "edited-state.json");
  try {
    await writeFile(file, JSON.stringify({ ...exported, deployment }), { mode: 0o600 });
    await runPulumi(["stack", "import", "--stack", stack, "--file", file], env);
  } finally {
    await rm(file, { force: true });
  }
};
