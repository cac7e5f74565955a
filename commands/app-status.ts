// How are the apps? Read from what the agent and the API server record, never from what was intended.
import { join } from "node:path";
import { stateLayout } from "../engine/folders.ts";
import { git, repository } from "../local/example.ts";
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";

/** One app, as `status --json` shows it. */
export interface AppStatus {
  readonly name: string;
  readonly namespace: string;
  /** Where the host reaches it; empty where it is not exposed. */
  readonly url: string;
  /** Full hash of the commit that is applied; empty before the first delivery. */
  readonly commit: string;
  readonly healthy: boolean;
  readonly model: "pull";
  readonly agent: string;
  /** RFC 3339: since when it is as healthy or unhealthy as it is. */
  readonly since?: string;
  /** Why it is not healthy, with file and line of the manifest where they are known. */
  readonly message?: string;
  /** The last live edit that the agent undid. */
  readonly reverted?: { readonly what: string; readonly at: string };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

const appLabel = "plumbline.dev/app";
const exposeAnnotation = "plumbline.dev/expose";
const kustomizations = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";

/** Every app of the platform, by name. */
export const appStatuses = async (
  api: Api,
  state: string,
  urlOf: (namespace: string) => string | undefined,
): Promise<AppStatus[]> => {
  const [namespaces, delivered, sources] = await Promise.all([
    api.list(`/api/v1/namespaces?labelSelector=${encodeURIComponent(appLabel)}`),
    api.list(kustomizations),
    api.list("/apis/source.toolkit.fluxcd.io/v1/gitrepositories"),
  ]);
  return Promise.all(
    namespaces.map(async (namespace): Promise<AppStatus> => {
      const home = namespace.metadata.name;
      const name = namespace.metadata.labels?.[appLabel] ?? home;
      const record = delivered.find(({ metadata }) => metadata.namespace === home && metadata.name === name);
      const source = sources.find(
        ({ metadata }) =>
          metadata.name === record?.spec.sourceRef.name &&
          metadata.namespace === (record?.spec.sourceRef.namespace ?? home),
      );
      const failure = (source && failureOf(source)) ?? (record && failureOf(record));
      const ready = record ? condition(record, "Ready") : undefined;
      const commit = commitOf(record?.status?.lastAppliedRevision);
      // Unknown means that the agent is at work: what it applied last runs on meanwhile.
      const healthy = !failure && commit !== "" && ready?.status !== "False" && !namespace.metadata.deletionTimestamp;
      const since = healthy && record ? deliveredAt(record) : ready?.lastTransitionTime;
      const reverted = record ? await revertOf(api, record) : undefined;
      const unreachable = healthy ? await missingService(api, namespace) : undefined;
      const message = healthy ? unreachable : await explain(api, state, home, record, failure);
      return {
        name,
        namespace: home,
        url: unreachable ? "" : (urlOf(home) ?? ""),
        commit,
        healthy,
        model: "pull",
        agent: "flux",
        ...(since ? { since } : {}),
        ...(message ? { message } : {}),
        ...(reverted ? { reverted } : {}),
      };
    }),
  );
};

// A URL that leads nowhere would be believed before the manifests are.
const missingService = async (api: Api, { metadata }: KubernetesObject): Promise<string | undefined> => {
  const [service] = metadata.annotations?.[exposeAnnotation]?.split(":") ?? [];
  if (!service) return undefined;
  return api.get(`/api/v1/namespaces/${metadata.name}/services/${service}`).then(
    () => undefined,
    (error) => {
      if (error instanceof ApiError && error.status === 404)
        return `its stack exposes the Service ${service}, which is not among its manifests`;
      throw error;
    },
  );
};

/** The hash within a revision such as `main@sha1:4f0c…`. */
export const commitOf = (revision: unknown): string => String(revision ?? "").replace(/^.*sha(1|256):/, "");

const condition = (object: KubernetesObject, type: string): Condition | undefined =>
  (object.status?.conditions as Condition[] | undefined)?.find((each) => each.type === type);

/** When the agent first applied what it applied last. */
const deliveredAt = (record: KubernetesObject): string | undefined =>
  historyOf(record).find(({ metadata }) => metadata?.revision === record.status?.lastAppliedRevision)?.firstReconciled;

const historyOf = (record: KubernetesObject) =>
  (record.status?.history ?? []) as { firstReconciled: string; metadata?: { revision?: string } }[];

const failureOf = (object: KubernetesObject): string | undefined => {
  const ready = condition(object, "Ready");
  return ready?.status === "False" && ready.reason !== "DependencyNotReady" ? ready.message : undefined;
};

// What the agent says first, then what its pods say: "timed out" alone helps nobody.
const explain = async (
  api: Api,
  state: string,
  namespace: string,
  record: KubernetesObject | undefined,
  failure: string | undefined,
): Promise<string> => {
  if (!record) return "the agent's object for this app is missing: plumbline pulumi up";
  const said = failure ?? condition(record, "Ready")?.message ?? "not delivered yet";
  const [pods, place] = await Promise.all([
    podReasons(api, namespace),
    failure ? locate(state, record, failure) : undefined,
  ]);
  return [place ? `${place}: ${said.trim()}` : said.trim(), ...pods].join("; ");
};

/** What each pod that is not ready gives as its reason. */
const podReasons = async (api: Api, namespace: string): Promise<string[]> => {
  const pods = await api.list(`/api/v1/namespaces/${namespace}/pods`);
  return pods.flatMap(({ metadata, status }) => {
    const scheduled = (status?.conditions as Condition[] | undefined)?.find(
      ({ type, status: held }) => type === "PodScheduled" && held === "False",
    );
    if (scheduled) return [`pod ${metadata.name} cannot be scheduled: ${scheduled.message}`];
    const containers = (status?.containerStatuses ?? []) as {
      name: string;
      state?: { waiting?: { reason?: string; message?: string } };
      lastState?: { terminated?: { exitCode: number; reason?: string } };
    }[];
    return containers.flatMap(({ name, state, lastState }) => {
      const waiting = state?.waiting;
      if (!waiting?.reason || waiting.reason === "ContainerCreating") return [];
      const ended = lastState?.terminated;
      return [
        `pod ${metadata.name}, container ${name}: ${waiting.reason}${waiting.message ? `, ${waiting.message}` : ""}${ended ? ` (ended with ${ended.exitCode})` : ""}`,
      ];
    });
  });
};

// The agent names an object or a file of its own copy; a person needs the file and line of the repository.
const locate = async (state: string, record: KubernetesObject, failure: string): Promise<string | undefined> => {
  const commit = commitOf(record.status?.lastAttemptedRevision);
  const folder = String(record.spec.path).replace(/^\.\//, "");
  const bare = join(stateLayout(state).git, repository);
  const [, kind] = failure.match(/no matches for kind "([^"]+)"/) ?? [];
  if (kind) return locateKind(bare, commit || "HEAD", folder, kind);
  const [, object] =
    failure.match(/^([A-Z]\w+\/[\w./-]+) (?:dry-run failed|namespace not specified|invalid|apply failed)/) ?? [];
  const [, file] = failure.match(new RegExp(`(${literally(folder)}/[\\w./-]+\\.ya?ml)`)) ?? [];
  if (file) {
    const [, line] = failure.match(/line (\d+)/) ?? [];
    return line ? `${file}:${line}` : file;
  }
  return object ? locateObject(bare, commit || "HEAD", folder, object) : undefined;
};

/** File and line of the document that declares `Kind/name` or `Kind/namespace/name`. */
const locateObject = async (
  bare: string,
  commit: string,
  folder: string,
  object: string,
): Promise<string | undefined> => {
  const [kind, ...rest] = object.split("/");
  const { readManifests } = await import("../components/delivery/manifests.ts");
  const names = await git(bare, "ls-tree", "-r", "--name-only", commit, "--", folder).catch(() => "");
  for (const file of names.split("\n").filter((each) => /\.(ya?ml|json)$/.test(each))) {
    const text = await git(bare, "show", `${commit}:${file}`);
    try {
      const found = readManifests(Buffer.from(text), file).find(
        (each) => each.object.kind === kind && each.object.metadata?.name === rest.at(-1),
      );
      if (found) return `${file}:${found.line}`;
    } catch {
      // Another file is not YAML: the agent names that one when it comes to it.
    }
  }
  // The agent puts the app's namespace in the place of a Namespace's name.
  return kind === "Namespace" ? locateKind(bare, commit, folder, kind) : undefined;
};

const locateKind = async (bare: string, commit: string, folder: string, kind: string): Promise<string | undefined> => {
  const pattern = `^ *kind: *["']?${kind}["']? *$`;
  const found = await git(bare, "grep", "--line-number", "-E", pattern, commit, "--", folder).catch(() => "");
  return found.split("\n")[0]?.match(/^[^:]*:([^:]+:\d+)/)?.[1];
};

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

// An apply that changed something although its commit had been applied before has undone a live edit.
const revertOf = async (api: Api, record: KubernetesObject): Promise<AppStatus["reverted"]> => {
  const { namespace, name } = record.metadata;
  const selector = encodeURIComponent(`involvedObject.kind=Kustomization,involvedObject.name=${name}`);
  const events = await api.list(`/api/v1/namespaces/${namespace}/events?fieldSelector=${selector}`);
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
