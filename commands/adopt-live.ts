// What do the namespaces of a cluster hold that somebody declared, who wrote it, and who could no longer once Git alone may?
import { identities } from "../components/admission/identities.ts";
import { fieldManager } from "../components/cluster/cluster.ts";
import { marks } from "../components/delivery/app.ts";
import { slotLabel } from "../components/namespace.ts";
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";

/** An object of a namespace that somebody declared. */
export interface LiveObject {
  readonly object: KubernetesObject;
  /** `Deployment web`. */
  readonly name: string;
  /** What keeps writing it: "Helm, release web", "Argo CD, application shop"; undefined where nothing does. */
  readonly keeper: string | undefined;
}

/** Whoever wrote in a namespace, by the name that he gave to the API server. */
export interface Writer {
  readonly manager: string;
  /** How many objects carry fields of his. */
  readonly objects: number;
  /** When he last wrote, RFC 3339; undefined where nothing records it. */
  readonly last: string | undefined;
  /** Whether his writes are in the table of what Git needs, and go on once the namespace is enforced. */
  readonly goesOn: boolean;
}

/** A namespace that is no part of the cluster or the platform itself. */
export interface LiveNamespace {
  readonly name: string;
  /** Name of the app that this platform delivers there already. */
  readonly app: string | undefined;
  readonly objects: readonly LiveObject[];
  readonly writers: readonly Writer[];
}

/** Namespaces of the cluster and of the platform's own records. */
const ofCluster = ["kube-system", "kube-public", "kube-node-lease", "plumbline-system"];

/** Kinds that say what happens, and nothing that was declared. */
const passing = ["Event", "Endpoints", "EndpointSlice", "Lease", "ControllerRevision", "PodMetrics"];

/** Field managers of Kubernetes itself: what they write, nobody declared. */
const controllers =
  /^(kube-(apiserver|controller-manager|scheduler|proxy)|kubelet|k3s|cloud-controller-manager|pvc-protection.*)$/;

/** Field managers of agents: theirs go on where they deliver an app of this platform. */
const agents = ["kustomize-controller", "helm-controller", "argocd-controller"];

// Programs name themselves after their ServiceAccount, and those of several words begin with it: "cert-manager-orders".
const programs = identities.map(({ serviceAccount, user }) => (serviceAccount ?? user ?? "").split(":").at(-1) ?? "");

const goesOn = (manager: string, app: string | undefined): boolean =>
  controllers.test(manager) ||
  (app !== undefined && [fieldManager, ...agents].includes(manager)) ||
  (!agents.includes(manager) &&
    programs.some((name) => manager === name || (name.includes("-") && manager.startsWith(`${name}-`))));

interface Kind {
  readonly base: string;
  readonly apiVersion: string;
  readonly plural: string;
  readonly kind: string;
}

/** Kinds of objects in namespaces that can be listed, each in the version that the API server prefers. */
const listedKinds = async (api: Api): Promise<Kind[]> => {
  interface Groups {
    readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
  }
  interface Resources {
    readonly resources: readonly { name: string; kind: string; namespaced: boolean; verbs: readonly string[] }[];
  }
  const { groups } = await api.get<Groups>("/apis");
  const versions = ["v1", ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
  const found = await Promise.all(
    versions.map(async (apiVersion) => {
      const base = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
      // An aggregated API whose server is away hides its own kinds, and no others.
      const { resources } = await api.get<Resources>(base).catch((error: unknown): Resources => {
        if (error instanceof ApiError && [404, 503].includes(error.status)) return { resources: [] };
        throw error;
      });
      return resources
        .filter(({ name, namespaced, verbs }) => namespaced && !name.includes("/") && verbs.includes("list"))
        .filter(({ kind }) => !passing.includes(kind))
        .map(({ name, kind }) => ({ base, apiVersion, plural: name, kind }));
    }),
  );
  return found.flat();
};

/**
 * Everything that somebody declared, by namespace; nothing is written.
 *
 * @returns the namespaces, and the kinds that whoever asks may not list
 */
export const liveNamespaces = async (
  api: Api,
): Promise<{ readonly namespaces: readonly LiveNamespace[]; readonly unread: readonly string[] }> => {
  const unread: string[] = [];
  const [spaces, lists] = await Promise.all([
    api.list("/api/v1/namespaces"),
    listedKinds(api).then((kinds) =>
      Promise.all(
        kinds.map(async ({ base, apiVersion, plural, kind }) => {
          try {
            return (await api.list(`${base}/${plural}`)).map(
              (each): KubernetesObject => ({ ...each, apiVersion, kind }),
            );
          } catch (error) {
            if (!(error instanceof ApiError) || ![403, 405].includes(error.status)) throw error;
            unread.push(plural);
            return [];
          }
        }),
      ),
    ),
  ]);
  const byNamespace = Map.groupBy(lists.flat().filter(isDeclared), ({ metadata }) => metadata.namespace ?? "");
  const namespaces = spaces
    .filter(({ metadata: { name, labels } }) => !ofCluster.includes(name) && !(slotLabel in (labels ?? {})))
    .map(({ metadata: { name, labels } }): LiveNamespace => {
      const app = labels?.[marks.app];
      const objects = (byNamespace.get(name) ?? []).filter(
        ({ metadata }) => !(marks.platform in (metadata.labels ?? {})),
      );
      return { name, app, objects: objects.map(liveObject).sort(byName), writers: writersOf(objects, app) };
    })
    .filter(({ objects }) => objects.length > 0);
  return { namespaces, unread: unread.sort() };
};

const byName = (one: LiveObject, other: LiveObject): number => one.name.localeCompare(other.name);

const liveObject = (object: KubernetesObject): LiveObject => ({
  object,
  name: `${object.kind} ${object.metadata.name}`,
  keeper: keeperOf(object),
});

/** Whether somebody declared an object: it is not what a controller made of another one, or what every namespace has. */
export const isDeclared = ({ type, kind, metadata }: KubernetesObject): boolean => {
  const owners = (metadata.ownerReferences ?? []) as readonly { readonly controller?: boolean }[];
  const entries = metadata.managedFields ?? [];
  if (owners.some(({ controller }) => controller)) return false;
  if (kind === "Secret" && ["helm.sh/release.v1", "kubernetes.io/service-account-token"].includes(String(type)))
    return false;
  if (kind === "ServiceAccount" && metadata.name === "default" && entries.length === 0) return false;
  return entries.length === 0 || entries.some(({ manager, subresource }) => !subresource && !controllers.test(manager));
};

/** What keeps writing an object, as its labels and annotations tell. */
export const keeperOf = ({ metadata }: KubernetesObject): string | undefined => {
  const { labels = {}, annotations = {} } = metadata;
  const argo = annotations["argocd.argoproj.io/tracking-id"]?.split(":")[0];
  if (argo) return `Argo CD, application ${argo}`;
  for (const part of ["kustomize", "helm"]) {
    const name = labels[`${part}.toolkit.fluxcd.io/name`];
    if (name) return `Flux, ${labels[`${part}.toolkit.fluxcd.io/namespace`]}/${name}`;
  }
  const release = annotations["meta.helm.sh/release-name"];
  if (release) return `Helm, release ${release}`;
  const [owner] = (metadata.ownerReferences ?? []) as readonly { readonly kind: string; readonly name: string }[];
  return owner && `${owner.kind} ${owner.name}`;
};

/** Who wrote some objects; those who could no longer come first. */
export const writersOf = (objects: readonly KubernetesObject[], app?: string): Writer[] => {
  const entries = objects.flatMap(({ metadata }, index) =>
    (metadata.managedFields ?? []).map(({ manager, time }) => ({ manager, time, index })),
  );
  return [...Map.groupBy(entries, ({ manager }) => manager)]
    .map(([manager, all]) => ({
      manager,
      objects: new Set(all.map(({ index }) => index)).size,
      last: all
        .flatMap(({ time }) => time ?? [])
        .sort()
        .at(-1),
      goesOn: goesOn(manager, app),
    }))
    .sort((a, b) => Number(a.goesOn) - Number(b.goesOn) || a.manager.localeCompare(b.manager));
};
