// Which cluster is a stack on, and how is it reached? As the provider in its state says: so the answer is the same on every machine.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { type Api, connect } from "../local/kubernetes-api.ts";
import { plain } from "./desired.ts";
import { Failure } from "./failure.ts";
import { selectedStack } from "./pulumi.ts";

interface Exported {
  readonly deployment?: {
    readonly resources?: readonly { readonly type: string; readonly inputs?: Record<string, unknown> }[];
  };
}

/** What a state says of the cluster: a kubeconfig as a path or as its content, and a context in it; undefined before the first `up`. */
export const clusterOf = (
  exported: string,
): { readonly kubeconfig?: string; readonly context?: string } | undefined => {
  const resources = (JSON.parse(exported) as Exported).deployment?.resources ?? [];
  const provider = resources.find(({ type }) => type === "pulumi:providers:kubernetes");
  return provider && (plain(provider.inputs ?? {}) as { kubeconfig?: string; context?: string });
};

/**
 * A client with the credentials of whoever runs this.
 *
 * @param exported the state, with its secrets
 * @throws Failure `NO_CONTEXT`, `UNREACHABLE`
 */
export const connectStack = async (stack: string, exported: string): Promise<Api> => {
  const cluster = clusterOf(exported);
  if (!cluster) {
    throw new Failure("NO_CONTEXT", `The state of stack ${stack} names no cluster.`, {
      wayOut: `plumbline pulumi up --stack ${stack}`,
    });
  }
  const {
    kubeconfig = process.env.KUBECONFIG?.split(":").find(Boolean) ?? join(homedir(), ".kube", "config"),
    context,
  } = cluster;
  const api = await withFile(existsSync(kubeconfig) ? kubeconfig : await movedHere(stack, kubeconfig), (file) =>
    connect(file, context),
  ).catch((cause: Error) => {
    throw new Failure("NO_CONTEXT", `The cluster of stack ${stack}: ${cause.message}`, {
      wayOut: "bring the kubeconfig or the program that it names; for EKS: aws sts get-caller-identity",
      cause,
    });
  });
  try {
    await api.get("/version");
    return api;
  } catch (cause) {
    api.close();
    throw new Failure("UNREACHABLE", (cause as Error).message, {
      wayOut: `kubectl --server ${api.server} version; a private endpoint is reached from its network alone`,
      cause,
    });
  }
};

// The state folder of a local platform was moved: the state names where it was, until the next `up`.
const movedHere = async (stack: string, kubeconfig: string): Promise<string> => {
  const { ci } = stateLayout(stateFolder()).kubeconfig;
  const isPath = !/[\n{]/.test(kubeconfig);
  return isPath && existsSync(ci) && (await selectedStack(stateFolder())) === stack ? ci : kubeconfig;
};

const withFile = async <T>(kubeconfig: string, work: (file: string) => Promise<T>): Promise<T> => {
  if (!/[\n{]/.test(kubeconfig)) return work(kubeconfig);
  const folder = await mkdtemp(join(process.env.TMPDIR ?? "/tmp", "plumbline-kubeconfig-"));
  try {
    await writeFile(join(folder, "config"), kubeconfig, { mode: 0o600 });
    return await work(join(folder, "config"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
