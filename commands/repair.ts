// Removes from live objects what strangers added. Pulumi repairs the fields that it declares; what somebody added beside
// them is out of its sight, since server-side apply leaves fields of other managers alone.
import { stateLayout } from "../engine/folders.ts";
import { ApiError, connect, type KubernetesObject } from "../local/kubernetes-api.ts";
import { declaredObjects, owner } from "./drift.ts";
import { foreignFields, pathText, pointer } from "./ownership.ts";

/** What was removed from one object. */
export interface Repair {
  readonly object: string;
  readonly fields: readonly { readonly field: string; readonly manager: string }[];
}

/**
 * Removes every foreign addition from the objects of a stack.
 *
 * @throws ApiError when an object changes at the same time; nothing of that object has been removed then
 */
export const removeAdditions = async (stack: string, state: string, env: Record<string, string>): Promise<Repair[]> => {
  const api = await connect(stateLayout(state).kubeconfig.ci);
  try {
    const repairs: Repair[] = [];
    for (const { name, path } of await declaredObjects(stack, api, env)) {
      const live = await api.get<KubernetesObject>(path).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      });
      const foreign = live ? foreignFields(live, owner) : [];
      const removals = foreign.flatMap((field) => pointer(live, field.path) ?? []).sort(backwards);
      if (!live || removals.length === 0) continue;
      const unchanged = { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion };
      await api.send(
        "PATCH",
        `${path}?fieldManager=${owner}-repair`,
        [unchanged, ...removals.map((each) => ({ op: "remove", path: each }))],
        "application/json-patch+json",
      );
      repairs.push({
        object: name,
        fields: foreign.map(({ path: field, manager }) => ({ field: pathText(field), manager })),
      });
    }
    return repairs;
  } finally {
    api.close();
  }
};

// Items of a list move when an earlier one goes, so the last goes first.
const backwards = (a: string, b: string): number => b.localeCompare(a, "en", { numeric: true });
