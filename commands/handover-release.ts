// What does a deliverer leave on the objects that it delivered, and how is it taken off? Its fields, by its name as field
// manager: those that nobody else declares go, the others stay with whoever does.
import { deployerKinds } from "../components/delivery/deployer.ts";
import { type Api, ApiError, type KubernetesObject, type ManagedFields } from "../local/kubernetes-api.ts";
import { resourcePaths } from "./desired.ts";
import type { Managers } from "./handover-agents.ts";

/** An object on which somebody is who should not be. */
export interface Held {
  readonly live: KubernetesObject;
  readonly path: string;
}

/** What Helm keeps of a release: nobody takes it over. */
const releaseType = "helm.sh/release.v1";

const platformLabel = "plumbline.dev/platform";

/** Versions in which the kinds of an app are listed; of one object each shows the same managers. */
const versionOf = (group: string): string =>
  group === "autoscaling" ? "autoscaling/v2" : group ? `${group}/v1` : "v1";

/** Objects of an app that carry fields of others. */
export const heldObjects = async (api: Api, namespace: string, { others }: Managers): Promise<Held[]> => {
  const pathOf = resourcePaths(api);
  const found = await Promise.all(
    deployerKinds.map(async ({ group, kind }): Promise<Held[]> => {
      const apiVersion = versionOf(group);
      const collection = (await pathOf(apiVersion, kind, "", namespace)).replace(/\/$/, "");
      const objects = await api.list(collection);
      return objects.map((each) => ({
        live: { ...each, apiVersion, kind },
        path: `${collection}/${each.metadata.name}`,
      }));
    }),
  );
  return found
    .flat()
    .filter(
      ({ live: { metadata, type } }) =>
        type !== releaseType &&
        !(platformLabel in (metadata.labels ?? {})) &&
        metadata.managedFields?.some((entry) => isOf(entry, others)),
    );
};

// What a controller reports or scales is no declaration.
const isOf = ({ manager, subresource }: ManagedFields, managers: ReadonlySet<string>): boolean =>
  managers.has(manager) && !subresource;

/**
 * The entries of an object with those of some managers as if they had been applied: only of what somebody applies, the API
 * server knows how to take it back. Helm writes without.
 */
export const asApplied = (entries: readonly ManagedFields[], managers: ReadonlySet<string>): ManagedFields[] => {
  const mine = entries.filter((entry) => isOf(entry, managers));
  const applied = [...new Set(mine.map(({ manager }) => manager))].map((manager): ManagedFields => {
    const all = mine.filter((entry) => entry.manager === manager);
    const [first] = all as [ManagedFields];
    return {
      ...first,
      operation: "Apply",
      fieldsV1: all.map(({ fieldsV1 }) => fieldsV1).reduce((one, other) => union(one, other)),
    };
  });
  return [...entries.filter((entry) => !isOf(entry, managers)), ...applied];
};

const union = (one: Record<string, unknown>, other: Record<string, unknown>): Record<string, unknown> => {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const below = (fields: Record<string, unknown>, key: string) => (fields[key] ?? {}) as Record<string, unknown>;
  return Object.fromEntries(keys.map((key) => [key, union(below(one, key), below(other, key))]));
};

/** Takes off an object what others left on it; again, where it changes at the same time. */
export const release = async (api: Api, { live, path }: Held, { others }: Managers): Promise<void> => {
  const { apiVersion, kind, metadata } = live;
  const entries = metadata.managedFields ?? [];
  const left = [...new Set(entries.filter((entry) => isOf(entry, others)).map(({ manager }) => manager))];
  if (entries.some((entry) => isOf(entry, others) && entry.operation === "Update")) {
    const patch = [
      { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion },
      { op: "replace", path: "/metadata/managedFields", value: asApplied(entries, others) },
    ];
    const changed = await api.send("PATCH", path, patch, "application/json-patch+json").then(
      () => false,
      (error: unknown) => {
        // 422 is the test that failed: whoever waits for this object looks again.
        if (error instanceof ApiError && [404, 409, 422].includes(error.status)) return true;
        throw error;
      },
    );
    if (changed) return;
  }
  const nothing = { apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace } };
  for (const manager of left)
    await api.send("PATCH", `${path}?fieldManager=${manager}&force=true`, nothing, "application/apply-patch+yaml");
};
