// What would become of a live object if Git's version took its place? Asked of the API server, which writes nothing down.
import type { RenderedObject } from "../components/delivery/render.ts";
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";
import type { LiveNamespace } from "./adopt-live.ts";
import { resourcePaths } from "./desired.ts";
import { differences } from "./differences.ts";
import { foreignFields, pathText, pointer, valueAt } from "./ownership.ts";

/** A field in which Git and the cluster differ; what a Secret holds is "(hidden)". */
export interface FieldOfBoth {
  readonly field: string;
  /** Undefined: Git says nothing of it, and the API server puts no default there. */
  readonly git: unknown;
  readonly live: unknown;
  /** Who wrote what is live; undefined where nothing records it. */
  readonly writer: string | undefined;
}

/** What becomes of one object. */
export interface Outcome {
  /** `Deployment web`. */
  readonly object: string;
  /** Where Git declares it: "apps/shop/web.yaml:3". */
  readonly place: string;
  readonly change: "taken over as it is" | "taken over and changed" | "added" | "refused";
  readonly fields: readonly FieldOfBoth[];
  /** Whether its pods are replaced. */
  readonly restarts: boolean;
  /** Why the API server refuses Git's version, in its words. */
  readonly reason?: string;
}

/** What becomes of the objects of an app. */
export interface AppOutcome {
  readonly app: string;
  readonly namespace: string;
  readonly objects: readonly Outcome[];
  /** Objects of the namespace that Git does not have: they stay as they are. */
  readonly left: readonly string[];
}

/** Field manager of the dry runs: nobody's, so that every field that is not in Git is a stranger's. */
const manager = "plumbline-adopt";

/** Whose fields an agent takes off what it applies, as kustomize-controller and Argo CD do with what kubectl wrote. */
const ofKubectl = /^(kubectl(-.*)?|before-first-apply)$/;

/** What becomes of an app's objects, and which of the namespace are not among them. */
export const outcomesOf = async (
  api: Api,
  { app, namespace, pushed }: { readonly app: string; readonly namespace: string; readonly pushed: boolean },
  rendered: readonly RenderedObject[],
  live: LiveNamespace | undefined,
): Promise<AppOutcome> => {
  const pathOf = resourcePaths(api);
  const there = await api.get(`/api/v1/namespaces/${namespace}`).then(() => true, absent(false));
  const objects = await Promise.all(
    rendered
      .filter(({ hook, object }) => !hook && object.metadata.name)
      .map(async ({ object, file = "", line }): Promise<Outcome> => {
        const { kind, apiVersion, metadata } = object;
        const about = { object: `${kind} ${metadata.name}`, place: line ? `${file}:${line}` : file };
        const git = object as unknown as KubernetesObject;
        try {
          const path = await pathOf(apiVersion, kind, metadata.name ?? "", metadata.namespace ?? namespace);
          const found = await api.get(path).catch(absent(undefined));
          if (found) return { ...about, ...compared(found, await next(api, path, git, pushed)) };
          // Without its namespace, the API server cannot say yet what it thinks of it.
          if (there) await dryRun(api, path, git);
          return { ...about, change: "added", fields: [], restarts: false };
        } catch (error) {
          return { ...about, change: "refused", fields: [], restarts: false, reason: refusalOf(error) };
        }
      }),
  );
  objects.sort((a, b) => a.object.localeCompare(b.object));
  const names = new Set(objects.map(({ object }) => object));
  const left = (live?.objects ?? []).filter(({ name }) => !names.has(name)).map(({ name }) => name);
  return { app, namespace, objects, left };
};

const absent =
  <T>(value: T) =>
  (error: unknown): T => {
    if (error instanceof ApiError && error.status === 404) return value;
    throw error;
  };

// 422 invalid, 403 and 400 admission or the object itself, 409 a field that cannot be changed in its way.
const refusalOf = (error: unknown): string => {
  const known = error instanceof ApiError ? [400, 403, 409, 422].includes(error.status) : error instanceof Error;
  if (!known) throw error;
  return (error as Error).message;
};

const dryRun = (api: Api, path: string, git: KubernetesObject): Promise<KubernetesObject> =>
  api.send<KubernetesObject>(
    "PATCH",
    `${path}?dryRun=All&force=true&fieldManager=${manager}`,
    git,
    "application/apply-patch+yaml",
  );

/**
 * The object as it would be once it follows Git: Git's fields over the live ones, and without those that people wrote by kubectl
 * and Git lacks, where an agent delivers it. Two dry runs: an apply, then an update without what goes.
 */
const next = async (api: Api, path: string, git: KubernetesObject, pushed: boolean): Promise<KubernetesObject> => {
  const applied = await dryRun(api, path, git);
  return pushed
    ? applied
    : api.send<KubernetesObject>("PUT", `${path}?dryRun=All&fieldManager=${manager}`, withoutKubectls(applied, git));
};

/** An object without the fields that people wrote by kubectl and Git does not have. */
export const withoutKubectls = (applied: KubernetesObject, git: KubernetesObject): KubernetesObject => {
  const { managedFields = [], ...metadata } = applied.metadata;
  const peoples = managedFields.filter(
    (entry) => entry.manager === manager || (!entry.subresource && ofKubectl.test(entry.manager)),
  );
  const gone = foreignFields({ ...applied, metadata: { ...applied.metadata, managedFields: peoples } }, manager)
    .filter((field) => valueAt(git, field.path) === undefined)
    .flatMap((field) => pointer(applied, field.path) ?? [])
    // Items of a list move when an earlier one goes, so the last goes first.
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const left = structuredClone({ ...applied, metadata }) as KubernetesObject;
  for (const each of gone) remove(left, each);
  return left;
};

const remove = (object: unknown, at: string): void => {
  const steps = at
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = steps.pop() ?? "";
  // biome-ignore lint/suspicious/noExplicitAny: a path of any object
  const parent = steps.reduce<any>((value, step) => value?.[step], object);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (parent) delete parent[last];
};

const runsPods = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"];

/** What differs between an object and what it becomes. */
export const compared = (
  live: KubernetesObject,
  becomes: KubernetesObject,
): Pick<Outcome, "change" | "fields" | "restarts"> => {
  const writers = foreignFields(live, manager).map(({ path, manager: writer }) => [pathText(path), writer] as const);
  const writerOf = (field: string) => writers.find(([at]) => field.startsWith(at) || at.startsWith(field))?.[1];
  const hides = (field: string) => live.kind === "Secret" && /^(data|stringData)(\.|$)/.test(field);
  const shown = (field: string, value: unknown) => (value !== undefined && hides(field) ? "(hidden)" : value);
  const fields = differences(declared(becomes), declared(live))
    .filter(({ wanted, found }) => !(isNothing(wanted) && isNothing(found)))
    .map(({ path, wanted, found }): FieldOfBoth => {
      const field = pathText(path);
      return { field, git: shown(field, wanted), live: shown(field, found), writer: writerOf(field) };
    });
  return {
    change: fields.length > 0 ? "taken over and changed" : "taken over as it is",
    fields,
    restarts: runsPods.includes(live.kind ?? "") && fields.some(({ field }) => /^spec\.template(\.|$)/.test(field)),
  };
};

// A map that lost its last key is no difference to one that was never there.
const isNothing = (value: unknown): boolean =>
  value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** Annotations in which tools keep notes of their own, Secrets' values among them: nobody declared them. */
const notes = ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

const declared = ({ metadata, status: _, ...rest }: KubernetesObject): KubernetesObject => {
  const {
    managedFields: _1,
    resourceVersion: _2,
    generation: _3,
    uid: _4,
    creationTimestamp: _5,
    annotations,
    ...kept
  } = metadata;
  const others = Object.entries(annotations ?? {}).filter(([key]) => !notes.includes(key));
  return { ...rest, metadata: { ...kept, ...(others.length > 0 && { annotations: Object.fromEntries(others) }) } };
};
