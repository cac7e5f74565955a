// Is each layer ready, and where is it reached? Read from the workloads of the namespaces that carry its slot's label.
import type { KubernetesObject } from "../local/kubernetes-api.ts";
import type { PlatformFile } from "./platform-file.ts";

export interface LayerStatus {
  readonly slot: string;
  readonly implementation: string;
  /** Empty where the cluster runs nothing of it. */
  readonly version: string;
  readonly ready: boolean;
  /** On the host; empty where nothing of it is reached from outside. */
  readonly url: string;
  /** What is not ready, where something is not: `StatefulSet logs/loki 0 of 1`. */
  readonly message?: string;
}

/** What the API server says, of every namespace. */
export interface Workloads {
  readonly namespaces: readonly KubernetesObject[];
  readonly deployments: readonly KubernetesObject[];
  readonly statefulSets: readonly KubernetesObject[];
  readonly daemonSets: readonly KubernetesObject[];
}

/** Label of a layer's namespace: its slot. */
export const slotLabel = "plumbline.dev/slot";

/** Each layer of the platform but its cluster. */
export const layerStatuses = (
  layers: PlatformFile["layers"],
  workloads: Workloads,
  urlOf: (slot: string) => string | undefined,
): LayerStatus[] =>
  layers
    .filter(({ slot }) => slot !== "cluster")
    .map(({ slot, implementation, version }) => {
      const homes = workloads.namespaces
        .filter(({ metadata }) => metadata.labels?.[slotLabel] === slot)
        .map(({ metadata }) => metadata.name);
      const found = unready(homes, workloads);
      // What stands outside the cluster runs nothing in it, though volumes of the layer before it may have kept their
      // namespace; a layer whose programs run must show them.
      const message = version === "" && found === nothing ? undefined : found;
      return {
        slot,
        implementation,
        version,
        ready: message === undefined,
        url: urlOf(slot) ?? "",
        ...(message === undefined ? {} : { message }),
      };
    });

/** What {@link unready} says of namespaces without a workload. */
export const nothing = "nothing of it is there";

/** The first workload of these namespaces that is not ready, in words; undefined when there are some, and all are. */
export const unready = (
  homes: readonly string[],
  { deployments, statefulSets, daemonSets }: Omit<Workloads, "namespaces">,
): string | undefined => {
  const mine = [
    ...replicated("Deployment", deployments),
    ...replicated("StatefulSet", statefulSets),
    ...daemonSets.map((object) => ({
      object,
      kind: "DaemonSet",
      wanted: object.status?.desiredNumberScheduled ?? 0,
      updated: object.status?.updatedNumberScheduled ?? 0,
      ready: object.status?.numberReady ?? 0,
    })),
  ].filter(({ object }) => homes.includes(object.metadata.namespace ?? ""));
  if (mine.length === 0) return nothing;
  const waiting = mine.find(
    ({ object, wanted, ready, updated }) =>
      ready < wanted ||
      updated < wanted ||
      (object.status?.observedGeneration ?? 0) < Number(object.metadata.generation ?? 0),
  );
  if (!waiting) return undefined;
  const { kind, object, ready, wanted } = waiting;
  return `${kind} ${object.metadata.namespace}/${object.metadata.name}: ${ready} of ${wanted} ready`;
};

const replicated = (kind: string, objects: readonly KubernetesObject[]) =>
  objects.map((object) => ({
    object,
    kind,
    wanted: object.spec.replicas ?? 1,
    updated: object.status?.updatedReplicas ?? 0,
    ready: object.status?.readyReplicas ?? 0,
  }));
