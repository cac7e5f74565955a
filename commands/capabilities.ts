// What is a cluster able to, as charts ask for it? Its version, and the versions and kinds that its API server serves.
import type { ClusterCapabilities } from "../components/delivery/cluster-capabilities.ts";
import { connect } from "../local/kubernetes-api.ts";

/** One version of a group, and its kinds; a subresource is none of them. */
interface Resources {
  readonly groupVersion: string;
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

/** Asks the cluster of a kubeconfig's current context; everybody who is known to it may. */
export const capabilitiesOf = async (kubeconfig: string): Promise<ClusterCapabilities> => {
  const api = await connect(kubeconfig);
  try {
    const [{ gitVersion }, core, { groups }] = await Promise.all([
      api.get<{ gitVersion: string }>("/version"),
      api.get<{ versions: string[] }>("/api"),
      api.get<{ groups: { versions: { groupVersion: string }[] }[] }>("/apis"),
    ]);
    const paths = [
      ...core.versions.map((version) => `/api/${version}`),
      ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => `/apis/${groupVersion}`)),
    ];
    const found = await Promise.all(paths.map((path) => api.get<Resources>(path)));
    const apiVersions = found.flatMap(({ groupVersion, resources }) => [
      groupVersion,
      ...resources.filter(({ name }) => !name.includes("/")).map(({ kind }) => `${groupVersion}/${kind}`),
    ]);
    return { kubeVersion: gitVersion, apiVersions: [...new Set(apiVersions)].sort() };
  } finally {
    api.close();
  }
};
