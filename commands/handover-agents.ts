// How is each deliverer of apps found, stopped and recognised on what it delivered?
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";

/** Who delivers an app: an agent, or Pulumi for the model "push". */
export type Deliverer = "flux" | "argo-cd" | "pulumi";

/** Label of a namespace, and of an agent's object, while its app changes hands: to whom. */
export const handoverLabel = "plumbline.dev/handover";

/** Field manager of what a handover changes. */
const manager = "plumbline-handover";

/** Field managers under which each one writes an app's objects. */
const managers: Readonly<Record<Deliverer, readonly string[]>> = {
  flux: ["kustomize-controller", "helm-controller"],
  "argo-cd": ["argocd-controller"],
  pulumi: ["plumbline"],
};

/** Whose fields an object may keep, and whose it may not. */
export interface Managers {
  readonly own: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

/** Those of a deliverer, and those of all the others. */
export const managersOf = (deliverer: Deliverer): Managers => ({
  own: new Set(managers[deliverer]),
  others: new Set(Object.entries(managers).flatMap(([each, names]) => (each === deliverer ? [] : names))),
});

/** The object by which somebody delivers an app. */
export interface LiveDeliverer {
  readonly namespace: string;
  readonly name: string;
  readonly deliverer: Deliverer;
  readonly path: string;
  /** Whether a handover has stopped it already. */
  readonly stopped: boolean;
  /** The change after which it leaves everything as it is, also when it goes. */
  readonly stop: (to: Deliverer) => object;
}

const kustomize = "/apis/kustomize.toolkit.fluxcd.io/v1";
const helm = "/apis/helm.toolkit.fluxcd.io/v2";
const argo = "/apis/argoproj.io/v1alpha1";

// Both controllers of Flux let a suspended object go without touching what it delivered.
const suspend = { spec: { suspend: true } };
// Argo CD removes what it delivered by a finalizer of the Application.
const withoutFinalizer = { finalizers: null };

const labelled = (to: Deliverer) => ({ labels: { [handoverLabel]: to } });

/** Who delivers which app, read from the cluster. */
export const liveDeliverers = async (api: Api): Promise<LiveDeliverer[]> => {
  const read = async (
    base: string,
    plural: string,
    deliverer: Deliverer,
    stop: LiveDeliverer["stop"],
    nameOf = ({ metadata }: KubernetesObject) => metadata.name,
    query = "",
  ) =>
    (await api.list(`${base}/${plural}${query}`)).map((object): LiveDeliverer => {
      const { namespace = "", name, labels } = object.metadata;
      const path = `${base}/namespaces/${namespace}/${plural}/${name}`;
      return { namespace, name: nameOf(object), deliverer, path, stop, stopped: handoverLabel in (labels ?? {}) };
    });
  const found = await Promise.all([
    read(kustomize, "kustomizations", "flux", (to) => ({ metadata: labelled(to), ...suspend })),
    read(helm, "helmreleases", "flux", (to) => ({ metadata: labelled(to), ...suspend })),
    read(argo, "applications", "argo-cd", (to) => ({
      metadata: { ...labelled(to), ...withoutFinalizer },
      spec: { syncPolicy: { automated: { enabled: false } } },
    })),
    read(
      "/api/v1",
      "configmaps",
      "pulumi",
      () => ({}),
      ({ metadata }) => metadata.name.replace(/-attempted$/, ""),
      `?labelSelector=${encodeURIComponent("plumbline.dev/push=attempted")}`,
    ),
  ]);
  return found.flat();
};

export const namespacePath = (namespace: string): string => `/api/v1/namespaces/${namespace}`;

/** Changes some fields of an object. */
export const merge = async (api: Api, path: string, change: object): Promise<void> => {
  await api.send("PATCH", `${path}?fieldManager=${manager}`, change, "application/merge-patch+json");
};
