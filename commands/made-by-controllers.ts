// What did controllers of a cluster make at its cloud that stays and costs when the cluster goes? Load balancers and disks: they go
// first, while whoever made them runs.
import { setTimeout as sleep } from "node:timers/promises";
import pc from "picocolors";
import type { Step } from "../engine/progress.ts";
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";
import { hanging, nameOf, remove } from "./removal.ts";

/** An object for which a controller made something. */
export interface Made {
  readonly object: KubernetesObject;
  readonly path: string;
  readonly namespace: string;
  /** Its volume is kept when it goes: somebody removes it at the cloud. */
  readonly stays: boolean;
  /** What it is at the cloud, as far as the object says. */
  readonly at: string;
}

/** Whether the cluster itself goes with a stack, by its exported state. */
export const declaresCluster = (exported: string): boolean =>
  (
    (JSON.parse(exported) as { deployment?: { resources?: { type: string; custom?: boolean }[] } }).deployment
      ?.resources ?? []
  ).some(({ type, custom }) => custom && type === "aws:eks/cluster:Cluster");

/** Services and Ingresses with a load balancer, and volumes of a driver, in all namespaces. */
export const madeByControllers = async (api: Api): Promise<Made[]> => {
  const [services, ingresses, volumes] = await Promise.all([
    api.list("/api/v1/services"),
    api.list("/apis/networking.k8s.io/v1/ingresses"),
    api.list("/api/v1/persistentvolumes"),
  ]);
  const balanced = (object: KubernetesObject, kind: string, base: string, plural: string): Made => {
    const { name, namespace = "" } = object.metadata;
    const [first] = object.status?.loadBalancer?.ingress ?? [];
    return {
      object: { ...object, kind },
      path: `${base}/namespaces/${namespace}/${plural}/${name}`,
      namespace,
      stays: false,
      at: `load balancer ${first?.hostname ?? first?.ip ?? "without an address"}`,
    };
  };
  return [
    ...services
      .filter(({ spec }) => spec.type === "LoadBalancer")
      .map((object) => balanced(object, "Service", "/api/v1", "services")),
    // Several share the balancer of a controller, whose own Service stands above: that one goes with its last object.
    ...ingresses
      .filter(
        ({ metadata, status }) =>
          status?.loadBalancer?.ingress?.length > 0 && (metadata.finalizers as string[])?.length > 0,
      )
      .map((object) => balanced(object, "Ingress", "/apis/networking.k8s.io/v1", "ingresses")),
    ...volumes
      .filter(({ spec }) => spec.csi)
      .map((object) => ({
        object: { ...object, kind: "PersistentVolume" },
        path: `/api/v1/persistentvolumes/${object.metadata.name}`,
        namespace: object.spec.claimRef?.namespace ?? "",
        stays: object.spec.persistentVolumeReclaimPolicy !== "Delete",
        at: `disk ${object.spec.csi.volumeHandle}`,
      })),
  ];
};

/** What of it goes first, and what stays. */
export const toldMade = (made: readonly Made[]): string =>
  made
    .map(
      ({ object, at, stays }) =>
        `${stays ? pc.green("stays at the cloud") : pc.red("goes first")}  ${nameOf(object)}: ${at}\n`,
    )
    .join("");

/** Namespaces of Kubernetes, which can't be deleted. */
const permanent = ["default", "kube-system", "kube-public", "kube-node-lease"];

/**
 * Removes it, and waits until its controllers are done. A namespace goes as a whole, so that no agent brings an object back.
 *
 * @param kept namespaces that stay: of these only what has a load balancer goes
 * @param seconds until what hangs is named
 * @throws Failure `HANGS`
 */
export const removeMade = (api: Api, kept: readonly string[], seconds = 300): Step => ({
  title: "Remove what controllers made at the cloud",
  seconds: 60,
  run: async (say, signal) => {
    const whole = (namespace: string) =>
      namespace !== "" && !permanent.includes(namespace) && !kept.includes(namespace);
    const going = (await madeByControllers(api)).filter(
      ({ object, namespace, stays }) => !stays && (object.kind !== "PersistentVolume" || whole(namespace)),
    );
    const paths = going.map(({ namespace, path }) => (whole(namespace) ? `/api/v1/namespaces/${namespace}` : path));
    await Promise.all([...new Set(paths)].map((path) => remove(api, path)));
    const wanted = new Set(going.map(({ path }) => path));
    for (const until = performance.now() + seconds * 1000; ; await sleep(500, undefined, { signal })) {
      const left = (await madeByControllers(api)).filter(({ path }) => wanted.has(path)).map(({ object }) => object);
      if (left.length === 0) return;
      say(`${left.length} left, of them ${nameOf(left[0])}`);
      if (performance.now() > until) throw hanging(left, seconds);
    }
  },
});
