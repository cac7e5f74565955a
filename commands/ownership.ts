// Who owns which field of a live object? Finds what strangers added: a dry-run apply by the owner is blind to additions,
// since server-side apply leaves fields of other managers alone.
import type { KubernetesObject, ManagedFields } from "../local/kubernetes-api.ts";

/** One step into an object: a field's name, or the item of a list that is chosen by its keys, its value or its index. */
export type PathStep = string | { readonly keys: Record<string, unknown> } | { readonly value: unknown };

/** A field, or a whole item of a list, that somebody outside the allow-list wrote. */
export interface ForeignField {
  readonly path: readonly PathStep[];
  readonly found: unknown;
  readonly manager: string;
  /** When the manager last wrote to the object, RFC 3339. */
  readonly time: string | undefined;
}

interface Allowed {
  readonly manager: RegExp;
  /** Kinds of objects; all where left out. */
  readonly kinds?: readonly string[];
  /** Paths as {@link pathText} prints them; all where left out. */
  readonly paths?: RegExp;
}

// Reviewed: what controllers of Kubernetes and of the agent keep on objects that somebody else declares.
const allowed: readonly Allowed[] = [
  {
    manager: /^kube-controller-manager$/,
    kinds: ["Deployment"],
    paths: /^metadata\.annotations\.deployment\.kubernetes\.io/,
  },
  {
    manager: /^kube-controller-manager$/,
    kinds: ["DaemonSet", "StatefulSet"],
    paths: /^metadata\.annotations\.deprecated/,
  },
  {
    manager: /^kube-controller-manager$/,
    kinds: ["PersistentVolumeClaim"],
    paths: /^(metadata\.annotations\.|spec\.volumeName$)/,
  },
  { manager: /^kube-controller-manager$/, kinds: ["ClusterRole"], paths: /^rules$/ },
  { manager: /^kube-(apiserver|controller-manager)$/, paths: /^metadata\.finalizers/ },
  {
    manager: /^cainjector$/,
    kinds: ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"],
    paths: /^webhooks\[name=webhook\.cert-manager\.io\]\.clientConfig\.caBundle$/,
  },
  {
    manager: /^(source|kustomize|helm)-controller$|^gotk-/,
    paths: /^metadata\.(finalizers|annotations\.reconcile\.fluxcd\.io)/,
  },
  {
    // Its kinds keep their status among the fields of the object itself.
    manager: /^argocd-application-controller$/,
    kinds: ["Application"],
    paths: /^(status|operation|metadata\.(finalizers|annotations\.argocd\.argoproj\.io))/,
  },
  {
    manager: /^plumbline-(git-notifier|webhook)$/,
    kinds: ["GitRepository", "OCIRepository", "Application"],
    paths: /^metadata\.annotations\.(reconcile\.fluxcd\.io\/requestedAt|argocd\.argoproj\.io\/refresh)$/,
  },
];

/**
 * Fields of a live object that neither the owner nor a reviewed controller wrote.
 *
 * @param owner field manager whose server-side applies are the declared state
 */
export const foreignFields = (live: KubernetesObject, owner: string): ForeignField[] => {
  const entries = live.metadata.managedFields ?? [];
  const owned = new Set<string>();
  for (const entry of entries) {
    if (isOwner(entry, owner)) for (const path of leaves(entry.fieldsV1)) owned.add(pathText(path));
  }
  const found: ForeignField[] = [];
  for (const entry of entries) {
    // Status is what controllers report, not what anybody declares.
    if (isOwner(entry, owner) || entry.subresource === "status") continue;
    const paths = leaves(entry.fieldsV1).filter((path) => !owned.has(pathText(path)) && !isAllowed(entry, live, path));
    for (const path of outermost(paths)) {
      const value = valueAt(live, path);
      // An entry may outlive its field: an item that somebody else has removed since.
      if (value !== undefined) found.push({ path, found: value, manager: entry.manager, time: entry.time });
    }
  }
  return found;
};

const isOwner = (entry: ManagedFields, owner: string): boolean =>
  entry.manager === owner && entry.operation === "Apply";

const isAllowed = (entry: ManagedFields, live: KubernetesObject, path: readonly PathStep[]): boolean =>
  allowed.some(
    ({ manager, kinds, paths }) =>
      manager.test(entry.manager) &&
      (!kinds || kinds.includes(live.kind ?? "")) &&
      (!paths || paths.test(pathText(path))),
  );

const leaves = (fields: Record<string, unknown>, base: readonly PathStep[] = []): PathStep[][] =>
  Object.entries(fields).flatMap(([key, below]) => {
    if (key === ".") return base.length > 0 && typeof base.at(-1) === "object" ? [[...base]] : [];
    const path = [...base, step(key)];
    const children = below as Record<string, unknown>;
    return Object.keys(children).length === 0 ? [path] : leaves(children, path);
  });

const step = (key: string): PathStep => {
  const text = key.slice(2);
  switch (key.slice(0, 2)) {
    case "k:":
      return { keys: JSON.parse(text) as Record<string, unknown> };
    case "v:":
      return { value: JSON.parse(text) as unknown };
    default:
      return text;
  }
};

// An added container owns its item and each field in it: one finding, not ten.
const outermost = (paths: readonly PathStep[][]): PathStep[][] => {
  const texts = new Set(paths.map((path) => pathText(path)));
  return paths.filter((path) => !path.some((_, index) => index > 0 && texts.has(pathText(path.slice(0, index)))));
};

/** A path as a person reads it: `spec.template.spec.containers[name=web].image`. */
export const pathText = (path: readonly PathStep[]): string =>
  path
    .map((each, index) => {
      if (typeof each === "string") return index === 0 ? each : `.${each}`;
      if ("value" in each) return `[${JSON.stringify(each.value)}]`;
      return `[${Object.entries(each.keys)
        .map(([key, value]) => `${key}=${value}`)
        .join(",")}]`;
    })
    .join("");

const matches = (each: PathStep, item: unknown): boolean => {
  if (typeof each === "string") return false;
  if ("value" in each) return JSON.stringify(item) === JSON.stringify(each.value);
  return Object.entries(each.keys).every(([key, value]) => (item as Record<string, unknown> | null)?.[key] === value);
};

/** The value at a path; undefined where there is none. */
export const valueAt = (object: unknown, path: readonly PathStep[]): unknown =>
  path.reduce<unknown>((value, each) => {
    if (value === null || typeof value !== "object") return undefined;
    if (typeof each === "string") return (value as Record<string, unknown>)[each];
    return Array.isArray(value) ? value.find((item) => matches(each, item)) : undefined;
  }, object);

/** The same path as a JSON pointer (RFC 6901) into this object; undefined where nothing is there. */
export const pointer = (object: unknown, path: readonly PathStep[]): string | undefined => {
  let value = object;
  let text = "";
  for (const each of path) {
    const key = Array.isArray(value)
      ? value.findIndex((item) => matches(each, item))
      : typeof each === "string"
        ? each
        : -1;
    if (key === -1) return undefined;
    value = (value as Record<string | number, unknown>)[key];
    if (value === undefined) return undefined;
    text += `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }
  return text;
};
