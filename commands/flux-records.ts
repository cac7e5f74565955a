// What did Flux record about each app? Read from its Kustomization or release, the Git source of that, and their events.
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";
import type { AppRecord, Hint, Records } from "./app-records.ts";
import { type Condition, condition } from "./conditions.ts";

/** Reads them; none where Flux's kinds are unknown. */
export const fluxRecords = async (api: Api): Promise<Records> => {
  const [delivered, repositories, artifacts, releases, charts] = await Promise.all([
    api.list("/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"),
    api.list("/apis/source.toolkit.fluxcd.io/v1/gitrepositories"),
    api.list("/apis/source.toolkit.fluxcd.io/v1/ocirepositories"),
    api.list("/apis/helm.toolkit.fluxcd.io/v2/helmreleases"),
    api.list("/apis/source.toolkit.fluxcd.io/v1/helmcharts"),
  ]);
  const sources = [...repositories, ...artifacts];
  const named = (objects: readonly KubernetesObject[]) =>
    new Map(objects.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each]));
  const releasesByName = named(releases);
  const deliveredByName = named(delivered);
  // Asked for each app, a thousand of them would be a thousand questions.
  let events: Promise<Map<string, KubernetesObject[]>> | undefined;
  const eventsOf = async ({ metadata }: KubernetesObject): Promise<readonly KubernetesObject[]> => {
    events ??= api
      .list(`/api/v1/events?fieldSelector=${encodeURIComponent("involvedObject.kind=Kustomization")}`)
      .then((all) => Map.groupBy(all, ({ involvedObject: of }) => `${of.namespace}/${of.name}`));
    return (await events).get(`${metadata.namespace}/${metadata.name}`) ?? [];
  };
  return (namespace, name) => {
    const release = releasesByName.get(`${namespace}/${name}`);
    if (release) return releaseOf(release, charts, sources);
    const found = deliveredByName.get(`${namespace}/${name}`);
    if (!found) return undefined;
    const source = sources.find(
      ({ metadata }) =>
        metadata.name === found.spec.sourceRef.name &&
        metadata.namespace === (found.spec.sourceRef.namespace ?? namespace),
    );
    return recordOf(eventsOf, found, source);
  };
};

type EventsOf = (record: KubernetesObject) => Promise<readonly KubernetesObject[]>;

const recordOf = (eventsOf: EventsOf, found: KubernetesObject, source: KubernetesObject | undefined): AppRecord => {
  const failure = (source && failureOf(source)) ?? failureOf(found);
  const ready = condition(found, "Ready");
  const deliveredAt = deliveredAtOf(found);
  const folder = String(found.spec.path).replace(/^\.\//, "");
  return {
    agent: "flux",
    commit: commitOf(found.status?.lastAppliedRevision),
    attempted: commitOf(found.status?.lastAttemptedRevision),
    repository: String(source?.spec.url ?? ""),
    folder,
    well: ready?.status !== "False",
    ...(failure ? { failure, hint: hintOf(failure, folder) } : {}),
    ...(ready?.message ? { progress: ready.message } : {}),
    ...(deliveredAt ? { deliveredAt } : {}),
    ...(ready?.lastTransitionTime ? { changedAt: ready.lastTransitionTime } : {}),
    reverted: () => revertOf(eventsOf, found),
  };
};

interface Installed {
  readonly status: string;
  readonly chartVersion: string;
  readonly lastDeployed: string;
}

const releaseOf = (
  found: KubernetesObject,
  charts: readonly KubernetesObject[],
  sources: readonly KubernetesObject[],
): AppRecord => {
  const { name, namespace } = found.spec.chartRef;
  const chart = charts.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  const source = sources.find(
    ({ metadata }) => metadata.name === chart?.spec.sourceRef.name && metadata.namespace === namespace,
  );
  const failure = (source && failureOf(source)) ?? (chart && failureOf(chart)) ?? failureOf(found);
  const ready = condition(found, "Ready");
  const fetched = commitOf(chart?.status?.observedSourceArtifactRevision);
  // The version of a chart ends with the start of the commit that it was made from: "1.2.3+4f0c25f8a1b2".
  const whole = (version: string | undefined) => {
    const start = version?.split("+")[1]?.split(".")[0] ?? "";
    return start && fetched.startsWith(start) ? fetched : start;
  };
  const installed = ((found.status?.history ?? []) as Installed[]).find(({ status }) => status === "deployed");
  const folder = String(chart?.spec.chart ?? "").replace(/^\.\//, "");
  return {
    agent: "flux",
    commit: whole(installed?.chartVersion),
    attempted: whole(found.status?.lastAttemptedRevision as string | undefined),
    repository: String(source?.spec.url ?? ""),
    folder,
    well: ready?.status !== "False",
    ...(failure ? { failure, hint: hintOf(failure, folder) } : {}),
    ...(ready?.message ? { progress: ready.message } : {}),
    ...(installed ? { deliveredAt: installed.lastDeployed } : {}),
    ...(ready?.lastTransitionTime ? { changedAt: ready.lastTransitionTime } : {}),
    // It corrects drift without telling what it was.
    reverted: async () => undefined,
  };
};

/** The hash within a revision such as `main@sha1:4f0c…`, or of an artifact `v1@sha256:4f0c…`. */
export const commitOf = (revision: unknown): string => String(revision ?? "").replace(/^.*sha(1|256):/, "");

const deliveredAtOf = (record: KubernetesObject): string | undefined =>
  historyOf(record).find(({ metadata }) => metadata?.revision === record.status?.lastAppliedRevision)?.firstReconciled;

const historyOf = (record: KubernetesObject) =>
  (record.status?.history ?? []) as { firstReconciled: string; metadata?: { revision?: string } }[];

const failureOf = (object: KubernetesObject): string | undefined => {
  const ready: Condition | undefined = condition(object, "Ready");
  return ready?.status === "False" && ready.reason !== "DependencyNotReady" ? ready.message : undefined;
};

const hintOf = (failure: string, folder: string): Hint => {
  const [, kind] = failure.match(/no matches for kind "([^"]+)"/) ?? [];
  const [, file] = failure.match(new RegExp(`(${literally(folder)}/[\\w./-]+\\.ya?ml)`)) ?? [];
  const [, line] = failure.match(/line (\d+)/) ?? [];
  const [, object] =
    failure.match(/^([A-Z]\w+\/[\w./-]+) (?:dry-run failed|namespace not specified|invalid|apply failed)/) ?? [];
  return {
    ...(kind ? { kind } : {}),
    ...(file ? { file } : {}),
    ...(file && line ? { line } : {}),
    ...(object ? { object } : {}),
  };
};

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

// An apply that changed something although its commit had been applied before has undone a live edit.
const revertOf = async (
  eventsOf: EventsOf,
  record: KubernetesObject,
): Promise<{ what: string; at: string } | undefined> => {
  const events = await eventsOf(record);
  const history = historyOf(record);
  const reverts = events.flatMap((event) => {
    const revision = event.metadata.annotations?.["kustomize.toolkit.fluxcd.io/revision"];
    const first = history.find(({ metadata }) => metadata?.revision === revision)?.firstReconciled;
    const at = String(event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? "");
    const configured = /^\S+\/\S+ configured$/m.test(String(event.message));
    return configured && first && Date.parse(at) > Date.parse(first) + 1000
      ? [{ what: String(event.message).replaceAll("\n", ", "), at }]
      : [];
  });
  return reverts.sort((a, b) => b.at.localeCompare(a.at))[0];
};
