// What did Argo CD record about each app? Read from its Application and the events of that.
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";
import type { AppRecord, Hint, Records } from "./app-records.ts";
import { commitOf } from "./flux-records.ts";

/** What of an Application's status counts here. */
interface Status {
  readonly sync?: { readonly status?: string; readonly revision?: string };
  readonly health?: { readonly status?: string; readonly lastTransitionTime?: string };
  readonly history?: readonly { readonly revision: string; readonly deployedAt: string }[];
  readonly conditions?: readonly {
    readonly type: string;
    readonly message: string;
    readonly lastTransitionTime?: string;
  }[];
  readonly operationState?: {
    readonly phase: string;
    readonly message?: string;
    readonly finishedAt?: string;
    readonly operation?: { readonly sync?: { readonly autoHealAttemptsCount?: number } };
    readonly syncResult?: {
      readonly revision?: string;
      readonly resources?: readonly {
        readonly kind: string;
        readonly name: string;
        readonly status?: string;
        readonly message?: string;
      }[];
    };
  };
}

/** Reads them; none where Argo CD's kinds are unknown. */
export const argoCdRecords = async (api: Api): Promise<Records> => {
  const applications = await api.list("/apis/argoproj.io/v1alpha1/applications");
  return (namespace, name) => {
    const found = applications.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return found && argoCdRecord(found);
  };
};

/** What an Application says. Exported for tests. */
export const argoCdRecord = (found: KubernetesObject, now = Date.now()): AppRecord => {
  const status = (found.status ?? {}) as Status;
  const { sync, health, history = [], operationState: operation } = status;
  const last = history.at(-1);
  // A commit that changes nothing of the app is compared and not applied: what runs is what it says.
  const commit = (sync?.status === "Synced" ? sync.revision : last?.revision) ?? "";
  const failure = failureOf(status) ?? overdue(found, status, now);
  const changedAt = health?.lastTransitionTime ?? operation?.finishedAt;
  return {
    agent: "argo-cd",
    commit: commitOf(commit),
    // What could not be compared is the tip of what is followed, whatever was applied last.
    attempted: sync?.status === "Unknown" ? "" : commitOf(operation?.syncResult?.revision ?? sync?.revision),
    repository: String(found.spec.source.repoURL),
    folder: String(found.spec.source.path),
    well: failure === undefined,
    ...(failure ? { failure, hint: hintOf(failure) } : {}),
    progress: `sync ${sync?.status ?? "not begun"}, health ${health?.status ?? "unknown"}`,
    ...(last ? { deliveredAt: last.deployedAt } : {}),
    ...(changedAt ? { changedAt } : {}),
    reverted: async () => revertOf(status),
  };
};

const failureOf = ({ conditions = [], operationState, health }: Status): string | undefined => {
  const said = conditions.filter(({ type }) => /Error$/.test(type)).map(({ message }) => message);
  if (said.length > 0) return [...new Set(said)].join("; ");
  if (operationState && ["Failed", "Error"].includes(operationState.phase)) return failedOperation(operationState);
  // It tries again and again; the first refusal is the reason all the same.
  if (operationState?.phase === "Running" && /Retrying (attempt|operation)/.test(operationState.message ?? ""))
    return failedOperation(operationState);
  return health?.status === "Degraded" || health?.status === "Missing" ? `health ${health.status}` : undefined;
};

const failedOperation = ({ message = "", syncResult }: NonNullable<Status["operationState"]>): string => {
  const refused = (syncResult?.resources ?? []).filter(({ status }) => status === "SyncFailed");
  return [...refused.map((each) => `${each.kind}/${each.name} apply failed: ${each.message}`), message].join("; ");
};

const hintOf = (failure: string): Hint => {
  const [, kind] = failure.match(/Make sure the "([^"]+)" CRD is installed/) ?? [];
  const [, file] = failure.match(/"([\w./-]+\.(?:ya?ml|json))"/) ?? [];
  const [, line] = failure.match(/line (\d+)/) ?? [];
  const [, applied] = failure.match(/^([A-Z]\w+\/\S+) apply failed/) ?? [];
  const [, ofKind, name] = failure.match(/ for ([A-Z]\w+) "([^"]+)" is not managed/) ?? [];
  const object = applied ?? (ofKind && `${ofKind}/${name}`);
  return {
    ...(kind ? { kind } : {}),
    ...(file ? { file } : {}),
    ...(file && line ? { line } : {}),
    ...(object ? { object } : {}),
  };
};

// Argo CD waits for ever; the time that the stack gives an app stands in an annotation.
const overdue = (
  { metadata }: KubernetesObject,
  { health, operationState }: Status,
  now: number,
): string | undefined => {
  const since = health?.lastTransitionTime ?? operationState?.finishedAt;
  const given = metadata.annotations?.["plumbline.dev/timeout"];
  if (health?.status !== "Progressing" || !since || !given) return undefined;
  return now - Date.parse(since) > milliseconds(given) ? `not healthy within ${given}` : undefined;
};

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration: "1m30s". */
const milliseconds = (duration: string): number =>
  [...duration.matchAll(/(\d+)(ms|s|m|h)/g)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? 0),
    0,
  );

// A sync that the controller began without a new commit has undone a live edit; it counts those.
const revertOf = ({ operationState }: Status): { what: string; at: string } | undefined => {
  const { operation, syncResult, finishedAt } = operationState ?? {};
  if (!operation?.sync?.autoHealAttemptsCount || !finishedAt) return undefined;
  const what = (syncResult?.resources ?? []).map(({ kind, name, message }) =>
    `${kind}/${name} ${message ?? ""}`.trim(),
  );
  return { what: what.join(", "), at: finishedAt };
};
