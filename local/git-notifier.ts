// Tells the agent of a push: one annotation on each of its objects that follow the repository, the only change that the
// notifier's identity may make.
import { type Api, ApiError, connect, type KubernetesObject } from "./kubernetes-api.ts";

export interface Notice {
  /** Kubeconfig of the identity `plumbline:git-notifier`. */
  readonly kubeconfig: string;
  /** Path of the repository on the Git server, e.g. `platform.git`. */
  readonly repository: string;
}

interface Follower {
  readonly version: string;
  readonly plural: string;
  readonly url: (object: KubernetesObject) => string;
  readonly annotation: () => Record<string, string>;
}

/** What of each agent follows a repository, and what has it look at once. */
const followers: readonly Follower[] = [
  {
    version: "/apis/source.toolkit.fluxcd.io/v1",
    plural: "gitrepositories",
    url: ({ spec }) => spec.url,
    annotation: () => ({ "reconcile.fluxcd.io/requestedAt": new Date().toISOString() }),
  },
  {
    version: "/apis/argoproj.io/v1alpha1",
    plural: "applications",
    url: ({ spec }) => spec.source.repoURL,
    annotation: () => ({ "argocd.argoproj.io/refresh": "normal" }),
  },
];

/**
 * Asks each agent that is there for a look at everything of it whose URL has the repository's path.
 *
 * @returns namespace/name of each that was told
 * @throws ApiError when the API server refuses or does not answer
 */
export const notifyAgent = async ({ kubeconfig, repository }: Notice): Promise<string[]> => {
  const api = await connect(kubeconfig);
  try {
    return (await Promise.all(followers.map((follower) => tell(api, follower, repository)))).flat();
  } finally {
    api.close();
  }
};

const tell = async (
  api: Api,
  { version, plural, url, annotation }: Follower,
  repository: string,
): Promise<string[]> => {
  const found = await api.list(`${version}/${plural}`).catch((error: unknown) => {
    // The right to look for what an agent follows comes with the agent.
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  });
  const told = found.filter((object) => new URL(url(object)).pathname === `/${repository}`);
  await Promise.all(
    told.map(({ metadata }) =>
      api.send(
        "PATCH",
        `${version}/namespaces/${metadata.namespace}/${plural}/${metadata.name}?fieldManager=plumbline-git-notifier`,
        { metadata: { annotations: annotation() } },
        "application/merge-patch+json",
      ),
    ),
  );
  return told.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
};
