// What did Pulumi record about each app that it applies itself? Read from two ConfigMaps of the app, and from its workloads.
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";
import type { AppRecord, Records } from "./app-records.ts";
import { nothing, unready } from "./layer-status.ts";

const pushLabel = "plumbline.dev/push";

/** Reads them; none where no app is pushed. */
export const pushRecords = async (api: Api): Promise<Records> => {
  const configMaps = await api.list(`/api/v1/configmaps?labelSelector=${encodeURIComponent(pushLabel)}`);
  if (configMaps.length === 0) return () => undefined;
  const [deployments, statefulSets, daemonSets] = await Promise.all(
    ["deployments", "statefulsets", "daemonsets"].map((plural) => api.list(`/apis/apps/v1/${plural}`)),
  );
  const workloads = {
    deployments: deployments ?? [],
    statefulSets: statefulSets ?? [],
    daemonSets: daemonSets ?? [],
  };
  return (namespace, name) => {
    const recorded = (state: string) =>
      configMaps.find(({ metadata }) => metadata.namespace === namespace && metadata.name === `${name}-${state}`);
    const attempted = recorded("attempted");
    const waiting = unready([namespace], workloads);
    // An app may be nothing but configuration.
    return attempted && pushRecord(attempted, recorded("delivered"), waiting === nothing ? undefined : waiting);
  };
};

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

/** What the two say. Exported for tests. */
export const pushRecord = (attempted: ConfigMap, delivered: ConfigMap | undefined, waiting?: string): AppRecord => {
  const commit = delivered?.data?.commit ?? "";
  const wanted = attempted.data?.commit ?? "";
  const failure = commit === wanted ? waiting : `commit ${wanted.slice(0, 10)} is not there as a whole`;
  const written = (object: KubernetesObject | undefined) =>
    (object?.metadata.managedFields ?? [])
      .map(({ time }) => time ?? "")
      .sort()
      .at(-1);
  const [deliveredAt, changedAt] = [written(delivered), written(attempted)];
  return {
    agent: "pulumi",
    commit,
    attempted: wanted,
    repository: attempted.data?.repository ?? "",
    folder: attempted.data?.path ?? "",
    well: failure === undefined,
    ...(failure ? { failure } : {}),
    ...(deliveredAt ? { deliveredAt } : {}),
    ...(changedAt ? { changedAt } : {}),
    // Nobody undoes a live edit but the next up; until then `plumbline drift` tells of it.
    reverted: async () => undefined,
  };
};
