// How are the apps? Read from what the agent and the API server record, never from what was intended.
import { basename, join } from "node:path";
import { stateLayout } from "../engine/folders.ts";
import { git, repository } from "../local/example.ts";
import { type Api, ApiError, type KubernetesObject } from "../local/kubernetes-api.ts";
import { faultOf } from "./app-faults.ts";
import { type AppRecord, readRecords } from "./app-records.ts";
import { podReasons } from "./pod-reasons.ts";
import { wayOutOf } from "./ways-out.ts";

/** One app, as `status --json` shows it. */
export interface AppStatus {
  readonly name: string;
  readonly namespace: string;
  /** Where the host reaches it; empty where it is not exposed. */
  readonly url: string;
  /** Full hash of the commit that is applied; empty before the first delivery. */
  readonly commit: string;
  readonly healthy: boolean;
  readonly model: "pull" | "push";
  /** Who delivers it: "flux", "argo-cd", or "pulumi". */
  readonly agent: string;
  /** RFC 3339: since when it is as healthy or unhealthy as it is. */
  readonly since?: string;
  /** Why it is not healthy, with file and line of the manifest where they are known. */
  readonly message?: string;
  /** The last live edit that the agent undid. */
  readonly reverted?: { readonly what: string; readonly at: string };
}

/** Label of an app's namespace: name of the app. */
export const appLabel = "plumbline.dev/app";
const exposeAnnotation = "plumbline.dev/expose";

/** Every app of the platform, by name. */
export const appStatuses = async (
  api: Api,
  state: string,
  urlOf: (namespace: string) => string | undefined,
): Promise<AppStatus[]> => {
  const [namespaces, records] = await Promise.all([
    api.list(`/api/v1/namespaces?labelSelector=${encodeURIComponent(appLabel)}`),
    readRecords(api),
  ]);
  return Promise.all(
    namespaces.map(async (namespace): Promise<AppStatus> => {
      const home = namespace.metadata.name;
      const name = namespace.metadata.labels?.[appLabel] ?? home;
      const record = records(home, name);
      const commit = record?.commit ?? "";
      const delivered =
        record !== undefined &&
        !record.failure &&
        commit !== "" &&
        record.well &&
        !namespace.metadata.deletionTimestamp;
      const fault = delivered ? await faultOf(state, record) : undefined;
      const healthy = delivered && fault === undefined;
      const since = delivered ? record.deliveredAt : record?.changedAt;
      const reverted = await record?.reverted();
      const unreachable = healthy ? await missingService(api, namespace) : undefined;
      const message = healthy ? unreachable : (fault ?? (await explain(api, state, home, record)));
      return {
        name,
        namespace: home,
        url: unreachable ? "" : (urlOf(home) ?? ""),
        commit,
        healthy,
        model: record?.agent === "pulumi" ? "push" : "pull",
        agent: record?.agent ?? "",
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

// What the agent says first, then what its pods say: "timed out" alone helps nobody.
const explain = async (api: Api, state: string, namespace: string, record: AppRecord | undefined): Promise<string> => {
  if (!record) return "nothing records a delivery of this app: plumbline pulumi up";
  const { failure } = record;
  const said = failure ?? record.progress ?? "not delivered yet";
  const fault = failure ? await faultOf(state, { ...record, commit: record.attempted }) : undefined;
  if (fault) return `${fault}; ${said.trim()}; way out: mend it, commit and push`;
  const [pods, place] = await Promise.all([podReasons(api, namespace), failure ? locate(state, record) : undefined]);
  const { repository: from, attempted } = record;
  const told = failure && !said.includes(from) ? [`in ${from}${attempted && ` at ${attempted.slice(0, 10)}`}`] : [];
  // While it still waits, its pods may know already that it is in vain.
  const wayOut = wayOutOf([...pods, failure ?? ""].join("; ")) ?? (failure && "mend what it names, commit and push");
  return [
    place ? `${place}: ${said.trim()}` : said.trim(),
    ...pods,
    ...told,
    ...(wayOut ? [`way out: ${wayOut}`] : []),
  ].join("; ");
};

// The agent names an object or a file of its own copy; a person needs the file and line of the repository.
const locate = async (state: string, { attempted, folder, hint }: AppRecord): Promise<string | undefined> => {
  const bare = join(stateLayout(state).git, repository);
  const commit = attempted || "HEAD";
  const { kind, file, line, object } = hint ?? {};
  if (kind) return locateKind(bare, commit, folder, kind);
  if (file) {
    const path = file.includes("/")
      ? file
      : (await filesIn(bare, commit, folder)).find((each) => basename(each) === file);
    return line ? `${path ?? file}:${line}` : (path ?? file);
  }
  return object ? locateObject(bare, commit, folder, object) : undefined;
};

const filesIn = async (bare: string, commit: string, folder: string): Promise<string[]> => {
  const names = await git(bare, "ls-tree", "-r", "--name-only", commit, "--", folder).catch(() => "");
  return names.split("\n").filter((each) => /\.(ya?ml|json)$/.test(each));
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
  for (const file of await filesIn(bare, commit, folder)) {
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
