// Tells the agent of a push: one annotation on each GitRepository that follows the repository, the only change that the
// notifier's identity may make.
import { connect } from "./kubernetes-api.ts";

export interface Notice {
  /** Kubeconfig of the identity `plumbline:git-notifier`. */
  readonly kubeconfig: string;
  /** Path of the repository on the Git server, e.g. `platform.git`. */
  readonly repository: string;
}

const collection = "/apis/source.toolkit.fluxcd.io/v1";

/**
 * Asks for a reconciliation of every GitRepository whose URL has the repository's path.
 *
 * @returns namespace/name of each that was told
 * @throws ApiError when the API server refuses or does not answer
 */
export const notifyAgent = async ({ kubeconfig, repository }: Notice): Promise<string[]> => {
  const api = await connect(kubeconfig);
  try {
    const followers = (await api.list(`${collection}/gitrepositories`)).filter(
      ({ spec }) => new URL(spec.url).pathname === `/${repository}`,
    );
    await Promise.all(
      followers.map(({ metadata }) =>
        api.send(
          "PATCH",
          `${collection}/namespaces/${metadata.namespace}/gitrepositories/${metadata.name}?fieldManager=plumbline-git-notifier`,
          { metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": new Date().toISOString() } } },
          "application/merge-patch+json",
        ),
      ),
    );
    return followers.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  } finally {
    api.close();
  }
};
