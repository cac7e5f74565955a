// Brings live objects back onto what the stack declares, where Pulumi alone would not: it repairs the fields that it
// declares, and what somebody added beside them is out of its sight, since server-side apply leaves others' fields alone.
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";
import { type Desired, desiredObjects } from "./desired.ts";
import { owner } from "./drift.ts";
import { handoverLabel } from "./handover-agents.ts";
import { type ForeignField, foreignFields, pathText, pointer, valueAt } from "./ownership.ts";
import { runPulumi } from "./pulumi.ts";
import { clusterOf, connectStack } from "./stack-api.ts";

/** What was repaired of one object. */
export interface Repair {
  readonly object: string;
  readonly fields: readonly { readonly field: string; readonly manager: string }[];
}

/**
 * Removes every foreign addition from the objects of a stack, and takes back the fields that it declares.
 *
 * @throws ApiError when an object changes at the same time; nothing of that object has been removed then
 */
export const repair = async (stack: string, env: Record<string, string>): Promise<Repair[]> => {
  const { stdout } = await runPulumi(["stack", "export", "--stack", stack, "--show-secrets"], env);
  // Before the first `up` there is nothing to repair, and no cluster is named.
  if (!clusterOf(stdout)) return [];
  const api = await connectStack(stack, stdout);
  try {
    const declared = await desiredObjects(stdout, api);
    const found = await Promise.all(declared.map((desired) => repairOne(api, desired)));
    return declared.flatMap(({ name: object }, index): Repair[] => {
      const foreign = found[index] ?? [];
      const fields = foreign.map(({ path, manager }) => ({ field: pathText(path), manager }));
      return fields.length > 0 ? [{ object, fields }] : [];
    });
  } finally {
    api.close();
  }
};

const manager = `${owner}-repair`;

const repairOne = async (api: Api, { object, path }: Desired): Promise<ForeignField[]> => {
  const live = await api.get<KubernetesObject>(path).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  });
  // What an app is handed over from stays stopped until it goes.
  const stopped = handoverLabel in (live?.metadata.labels ?? {});
  const foreign = live && !stopped ? foreignFields(live, owner) : [];
  if (!live || foreign.length === 0) return [];
  const additions = foreign.filter((field) => valueAt(object, field.path) === undefined);
  const removals = additions.flatMap((field) => pointer(live, field.path) ?? []).sort(backwards);
  if (removals.length > 0) {
    const unchanged = { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion };
    const patch = [unchanged, ...removals.map((each) => ({ op: "remove", path: each }))];
    await api.send("PATCH", `${path}?fieldManager=${manager}`, patch, "application/json-patch+json");
  }
  const applied = await api.send<KubernetesObject>(
    "PATCH",
    `${path}?fieldManager=${owner}&force=true`,
    object,
    "application/apply-patch+yaml",
  );
  // Where the API server put a default in the place of what was removed, it noted it as ours.
  const entries = applied.metadata.managedFields ?? [];
  const kept = entries.filter((entry) => entry.manager !== manager);
  if (kept.length < entries.length) {
    const patch = [
      { op: "test", path: "/metadata/resourceVersion", value: applied.metadata.resourceVersion },
      { op: "replace", path: "/metadata/managedFields", value: kept },
    ];
    await api.send("PATCH", `${path}?fieldManager=${manager}`, patch, "application/json-patch+json");
  }
  return foreign;
};

// Items of a list move when an earlier one goes, so the last goes first.
const backwards = (a: string, b: string): number => b.localeCompare(a, "en", { numeric: true });
