// Tells the agent of a push: one annotation on each of its objects that follow the repository, the only change that the
// notifier's identity may make.
import { join } from "node:path";
import { touchedSources } from "./git-touched.ts";
import { type Api, ApiError, connect, type KubernetesObject } from "./kubernetes-api.ts";

export interface Notice {
  /** Kubeconfig of the identity `plumbline:git-notifier`. */
  readonly kubeconfig: string;
  /** Folder that holds the bare repositories. */
  readonly root: string;
  /** Path of the repository on the Git server, e.g. `platform.git`. */
  readonly repository: string;
}

/** Seconds after which what a push did not change is told of it, whether or not the rest is delivered; that takes about 2. */
const patience = 10;

interface Follower {
  readonly version: string;
  readonly plural: string;
  readonly url: (object: KubernetesObject) => string;
  readonly annotation: () => Record<string, string>;
  /** Whether several of them may follow one branch, so that those with changed apps are told first. */
  readonly shared: boolean;
}

/** What of each agent follows a repository, and what has it look at once. */
const followers: readonly Follower[] = [
  {
    version: "/apis/source.toolkit.fluxcd.io/v1",
    plural: "gitrepositories",
    url: ({ spec }) => spec.url,
    annotation: () => ({ "reconcile.fluxcd.io/requestedAt": new Date().toISOString() }),
    shared: true,
  },
  {
    version: "/apis/argoproj.io/v1alpha1",
    plural: "applications",
    url: ({ spec }) => spec.source.repoURL,
    annotation: () => ({ "argocd.argoproj.io/refresh": "normal" }),
    shared: false,
  },
];

/**
 * Asks each agent that is there for a look at everything of it whose URL has the repository's path.
 *
 * @returns namespace/name of each that was told
 * @throws ApiError when the API server refuses or does not answer
 */
export const notifyAgent = async ({ kubeconfig, root, repository }: Notice): Promise<string[]> => {
  const api = await connect(kubeconfig);
  try {
    return (await Promise.all(followers.map((follower) => tell(api, follower, root, repository)))).flat();
  } finally {
    api.close();
  }
};

const tell = async (api: Api, follower: Follower, root: string, repository: string): Promise<string[]> => {
  const { version, plural, url, shared } = follower;
  const found = await api.list(`${version}/${plural}`).catch((error: unknown) => {
    // The right to look for what an agent follows comes with the agent.
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  });
  const told = found.filter((object) => new URL(url(object)).pathname === `/${repository}`);
  if (!shared) return annotate(api, follower, told);
  const { first, rest, delivered } = await touchedSources(api, join(root, repository), told);
  const names = await annotate(api, follower, first);
  if (rest.length === 0) return names;
  await delivered(patience);
  return [...names, ...(await annotate(api, follower, rest))];
};

const annotate = async (
  api: Api,
  { version, plural, annotation }: Follower,
  objects: readonly KubernetesObject[],
): Promise<string[]> => {
  await Promise.all(
    objects.map(({ metadata }) =>
      api.send(
        "PATCH",
        `${version}/namespaces/${metadata.namespace}/${plural}/${metadata.name}?fieldManager=plumbline-git-notifier`,
        { metadata: { annotations: annotation() } },
        "application/merge-patch+json",
      ),
    ),
  );
  return objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
};
