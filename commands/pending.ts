// An `up` was killed while AWS made something that takes minutes: how does the next one find it? Its state names what was begun,
// and what has its name from us is looked for by that name.
import { execa } from "execa";
import { runPulumi } from "./pulumi.ts";
import { editState } from "./state.ts";

/** A creation of which nobody knows how it ended. */
export interface Pending {
  readonly urn: string;
  readonly type: string;
  /** By which its provider finds it; undefined where AWS gave it a name of its own. */
  readonly id: string | undefined;
  readonly inputs: Readonly<Record<string, unknown>>;
}

type Inputs = Pending["inputs"];

const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value : undefined);

const cluster = "aws:eks/cluster:Cluster";

/** Kinds that take long, by what their names say: others are there, or not, before anybody can kill a run. */
const ids: Readonly<Record<string, (inputs: Inputs) => string | undefined>> = {
  [cluster]: ({ name }) => text(name),
  "aws:eks/addon:Addon": ({ clusterName, addonName }) =>
    text(clusterName) && text(addonName) && `${clusterName}:${addonName}`,
  "aws:eks/nodeGroup:NodeGroup": ({ clusterName, nodeGroupName }) =>
    text(clusterName) && text(nodeGroupName) && `${clusterName}:${nodeGroupName}`,
  "aws:rds/instance:Instance": ({ identifier }) => text(identifier),
};

interface Exported {
  readonly deployment?: {
    readonly pending_operations?: readonly {
      readonly type: string;
      readonly resource: { readonly urn: string; readonly type: string; readonly inputs?: Inputs };
    }[];
    readonly resources?: readonly { readonly type: string; readonly inputs?: Inputs }[];
  };
}

/** What of AWS was being made, by an exported state. */
export const pendingCreates = (exported: string): Pending[] =>
  ((JSON.parse(exported) as Exported).deployment?.pending_operations ?? [])
    .filter(({ type, resource }) => type === "creating" && resource.type.startsWith("aws:"))
    .map(({ resource: { urn, type, inputs = {} } }) => ({ urn, type, id: ids[type]?.(inputs), inputs }));

interface Kept {
  readonly pending_operations?: readonly { readonly resource: object & { readonly urn: string } }[];
  readonly resources?: readonly object[];
}

/** A deployment in which what was being made is a resource with its id, which a refresh then looks at: gone, or as AWS has it. */
export const withPending = <T extends Kept>(deployment: T, found: readonly Pending[]): T => {
  const known = new Map(found.map(({ urn, id }) => [urn, id]));
  const operations = deployment.pending_operations ?? [];
  const taken = operations.filter(({ resource }) => known.has(resource.urn));
  return {
    ...deployment,
    pending_operations: operations.filter((operation) => !taken.includes(operation)),
    // Last: what it rests on was made before it.
    resources: [
      ...(deployment.resources ?? []),
      ...taken.map(({ resource }) => ({ ...resource, id: known.get(resource.urn), outputs: {} })),
    ],
  };
};

/** Takes in what a killed run left, and names what it can't find. @param tell one line */
export const takeInPending = async (
  stack: string,
  exported: string,
  env: Record<string, string>,
  tell: (line: string) => void,
): Promise<void> => {
  const pending = pendingCreates(exported);
  const found = pending.filter(({ id }) => id !== undefined);
  for (const { urn } of pending.filter(({ id }) => id === undefined)) {
    tell(
      `A run was killed while AWS made ${urn.split("::").slice(2).join(" ")}, which has no name of ours: look for it there.`,
    );
  }
  if (found.length === 0) return;
  const { resources = [] } = (JSON.parse(exported) as Exported).deployment ?? {};
  const region = text(resources.find(({ type }) => type === "pulumi:providers:aws")?.inputs?.region);
  for (const { type, id = "", urn } of found) {
    tell(`A run was killed while AWS made ${id}: it is taken in (${urn}).`);
    // What it answers while it is being made has no endpoint yet.
    if (type === cluster) await clusterMade(id, region, env);
  }
  // What else was pending, the import leaves out: it has been named above, or is no creation, and the next `up` looks at it.
  await editState(stack, env, (deployment) => withPending(deployment as Kept, found) as typeof deployment);
  const targets = found.flatMap(({ urn }) => ["--target", urn]);
  await runPulumi(["refresh", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", ...targets], env);
};

// At most 20 minutes. Where it was never begun, or the program is not there, the refresh finds out.
const clusterMade = async (name: string, region: string | undefined, env: Record<string, string>): Promise<void> => {
  const args = ["eks", "wait", "cluster-active", "--name", name, ...(region ? ["--region", region] : [])];
  await execa("aws", args, { env, reject: false, stdin: "ignore", timeout: 20 * 60_000 });
};
