// What would another commit change in the cluster? Two renderings of an app, compared object by object.

import { refusedToDeployer } from "../components/delivery/deployer.ts";
import type { RenderedObject } from "../components/delivery/render.ts";
import type { KubernetesObject } from "../components/index.ts";
import { differences } from "./differences.ts";
import { pathText } from "./ownership.ts";

/** A field that differs; what a Secret holds is "(hidden)". */
export interface FieldChange {
  readonly field: string;
  /** Undefined: there was none. */
  readonly before: unknown;
  /** Undefined: it goes. */
  readonly after: unknown;
}

/** What happens to one object. */
export interface ObjectChange {
  readonly change: "added" | "changed" | "deleted";
  /** `Deployment shop/web`. */
  readonly object: string;
  /** Where it is declared, of a deleted one where it was: "apps/shop/web.yaml:3"; empty where that is not known. */
  readonly place: string;
  /** Empty for an object that is added or deleted as a whole. */
  readonly fields: readonly FieldChange[];
  /** Whether its pods are replaced. */
  readonly restarts: boolean;
  /** What is lost, or refused by the API server; empty where nothing is. */
  readonly destructive: readonly string[];
}

/**
 * The objects that differ, in the order: deleted, changed, added; each by name. Hooks of charts are compared like objects.
 *
 * @param namespace of the app, beyond which its deployer may not write; default: what it may is not told
 */
export const changesBetween = (
  before: readonly RenderedObject[],
  after: readonly RenderedObject[],
  namespace?: string,
): ObjectChange[] => {
  const old = byKey(before);
  const now = byKey(after);
  const changes = [...new Set([...old.keys(), ...now.keys()])].flatMap((key): ObjectChange[] => {
    const [was, is] = [old.get(key), now.get(key)];
    const found = is ?? was;
    if (!found) return [];
    const named = { object: nameOf(found.object), place: placeOf(found) };
    const reason = namespace !== undefined && is ? refusedToDeployer(is.object, namespace) : undefined;
    const refused = reason ? [`the API server refuses it, and the commit is not delivered: ${reason}`] : [];
    if (!was) return [{ change: "added", ...named, fields: [], restarts: false, destructive: refused }];
    if (!is) return [{ change: "deleted", ...named, fields: [], restarts: false, destructive: lostWith(was.object) }];
    const fields = fieldsBetween(was.object, is.object);
    if (fields.length === 0) return [];
    const names = fields.map(({ field }) => field);
    return [
      {
        change: "changed",
        ...named,
        fields,
        restarts: runsPods.includes(is.object.kind) && names.some((each) => /^spec\.template(\.|$)/.test(each)),
        destructive: [...refused, ...refusedOf(was.object, names)],
      },
    ];
  });
  const order = { deleted: 0, changed: 1, added: 2 };
  return changes.sort((a, b) => order[a.change] - order[b.change] || a.object.localeCompare(b.object));
};

const byKey = (objects: readonly RenderedObject[]): Map<string, RenderedObject> =>
  new Map(
    objects.map((each) => {
      const { apiVersion, kind, metadata } = each.object;
      const group = apiVersion.includes("/") ? apiVersion.replace(/\/.*$/, "") : "";
      return [`${group} ${kind} ${metadata.namespace ?? ""} ${metadata.name ?? metadata.generateName}`, each];
    }),
  );

const nameOf = ({ kind, metadata }: KubernetesObject): string =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ""}${metadata.name ?? `${metadata.generateName}*`}`;

const placeOf = ({ file = "", line }: RenderedObject): string => (line ? `${file}:${line}` : file);

const fieldsBetween = (before: KubernetesObject, after: KubernetesObject): FieldChange[] =>
  differences(after, before).map(({ path, wanted, found }) => {
    const field = pathText(path);
    const secret = after.kind === "Secret" && /^(data|stringData)(\.|\[|$)/.test(field);
    const hide = (value: unknown) => (secret && value !== undefined ? "(hidden)" : value);
    return { field, before: hide(found), after: hide(wanted) };
  });

const runsPods = ["Deployment", "StatefulSet", "DaemonSet"];

/** What goes with an object. */
const lostWith = ({ kind, metadata }: KubernetesObject): string[] => {
  switch (kind) {
    case "PersistentVolumeClaim":
      return ["its volume goes with it, unless its class retains volumes"];
    case "CustomResourceDefinition":
      return [`every object of ${metadata.name} goes with it`];
    case "Namespace":
      return ["everything in it goes with it"];
    default:
      return [];
  }
};

/** Fields that the API server does not let change, by kind. */
const immutable: Readonly<Record<string, RegExp>> = {
  Deployment: /^spec\.selector(\.|$)/,
  DaemonSet: /^spec\.selector(\.|$)/,
  ReplicaSet: /^spec\.selector(\.|$)/,
  StatefulSet:
    /^spec\.(?!(replicas|ordinals|template|updateStrategy|revisionHistoryLimit|persistentVolumeClaimRetentionPolicy|minReadySeconds)(\.|\[|$))/,
  Job: /^spec\.(selector|template|completionMode|podFailurePolicy)(\.|\[|$)/,
  PersistentVolumeClaim: /^spec\.(?!(resources\.requests|volumeAttributesClassName)(\.|\[|$))/,
  Service: /^spec\.clusterIPs?(\[|$)/,
  Secret: /^type$/,
  RoleBinding: /^roleRef(\.|$)/,
  ClusterRoleBinding: /^roleRef(\.|$)/,
  StorageClass: /^(provisioner|parameters|reclaimPolicy|volumeBindingMode)(\.|$)/,
  CustomResourceDefinition: /^spec\.(scope|group|names\.(plural|kind))$/,
};

const refusedOf = (before: KubernetesObject, fields: readonly string[]): string[] => {
  const { kind } = before;
  const sealed = (before as { immutable?: boolean }).immutable === true;
  const refused = fields.filter(
    (field) =>
      immutable[kind]?.test(field) || (sealed && /^(data|binaryData|stringData|immutable)(\.|\[|$)/.test(field)),
  );
  const dropped = kind === "CustomResourceDefinition" ? fields.filter((field) => /^spec\.versions/.test(field)) : [];
  return [
    ...refused.map((field) => `${field} cannot be changed: the API server refuses it until the object is made anew`),
    ...dropped.map((field) => `${field}: objects that are stored may no longer be read`),
  ];
};
