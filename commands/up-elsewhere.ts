// `plumbline pulumi up` of a stack that is on no local cluster, as CI runs it: what strangers added goes, and the cluster records it.
import { recordOn } from "./deployment-record.ts";
import { passThrough } from "./pass-through.ts";
import { takeInPending } from "./pending.ts";
import { repairBefore, runPulumi } from "./pulumi.ts";
import { tellWayOut } from "./pulumi-ways.ts";
import { clusterOf, connectStack } from "./stack-api.ts";

/** Neither what a killed run left, nor the repair nor the record keeps an `up` from ending as Pulumi ends it. */
export const upElsewhere = async (
  stack: string,
  rest: readonly string[],
  env: Record<string, string>,
): Promise<void> => {
  await takeIn(stack, env);
  await repairBefore(stack, env).catch(unless("Nothing was repaired before"));
  tellWayOut(await passThrough("pulumi", rest, env, true));
  if (!process.exitCode) await record(stack, env).catch(unless("The cluster has no record of it"));
};

const takeIn = async (stack: string, env: Record<string, string>): Promise<void> => {
  // Before the stack is there, Pulumi says so itself.
  const exported = await runPulumi(["stack", "export", "--stack", stack], env).catch(() => undefined);
  if (!exported) return;
  await takeInPending(stack, exported.stdout, env, (line) => process.stderr.write(`${line}\n`)).catch(
    unless("Nothing was taken in"),
  );
};

const unless =
  (what: string) =>
  (error: unknown): void => {
    process.stderr.write(`${what}: ${(error as Error).message}\n`);
  };

const record = async (stack: string, env: Record<string, string>): Promise<void> => {
  const { stdout } = await runPulumi(["stack", "export", "--stack", stack, "--show-secrets"], env);
  // The stack that makes the account has none.
  if (!clusterOf(stdout)) return;
  const api = await connectStack(stack, stdout);
  try {
    await recordOn(api, stack);
  } finally {
    api.close();
  }
};
