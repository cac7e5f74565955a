// Who deployed what, and when? One ConfigMap a stack in the cluster; a stamp on every object would make each preview noisy.
import { userInfo } from "node:os";
import { root, stateLayout } from "../engine/folders.ts";
import { git } from "../local/example.ts";
import { type Api, ApiError, connect, type KubernetesObject } from "../local/kubernetes-api.ts";

/** The last successful `up` of a stack. */
export interface Deployment {
  /** Commit of the clone whose stack was deployed; empty outside a repository. */
  readonly revision: string;
  /** Whether the clone had no changes beside that commit. */
  readonly clean: boolean;
  /** Who ran it: the actor of the CI run, else the user of the machine. A claim, not a proof: the audit log has identities. */
  readonly actor: string;
  /** RFC 3339. */
  readonly at: string;
}

const path = (stack: string) => `/api/v1/namespaces/plumbline-system/configmaps/deployment-${stack}`;

/** Records on the local cluster that a stack was deployed just now. */
export const recordDeployment = async (state: string, stack: string): Promise<void> => {
  const api = await connect(stateLayout(state).kubeconfig.ci);
  try {
    await recordOn(api, stack);
  } finally {
    api.close();
  }
};

/** The same, on any cluster. */
export const recordOn = async (api: Api, stack: string): Promise<void> => {
  const [revision, changes] = await Promise.all([
    git(root, "rev-parse", "HEAD").catch(() => ""),
    git(root, "status", "--porcelain").catch(() => "unknown"),
  ]);
  const actor = process.env.GITHUB_ACTOR ?? process.env.GITLAB_USER_LOGIN ?? userInfo().username;
  const record = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `deployment-${stack}` },
    data: { revision, clean: String(changes === ""), actor, at: new Date().toISOString() },
  };
  await api.send("PATCH", `${path(stack)}?fieldManager=plumbline&force=true`, record, "application/apply-patch+yaml");
};

/** What the cluster records of a stack; undefined before its first `up` has succeeded. */
export const readDeployment = async (api: Api, stack: string): Promise<Deployment | undefined> => {
  const record = await api.get<KubernetesObject & { data?: Record<string, string> }>(path(stack)).catch((error) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  if (!record) return undefined;
  const { revision = "", clean, actor = "", at = "" } = record.data ?? {};
  return { revision, clean: clean === "true", actor, at };
};
