// `plumbline status`: what runs, read from the processes and the API server; answers within a second.
import { existsSync } from "node:fs";
import pc from "picocolors";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { lockHolder } from "../engine/lock.ts";
import { type ClusterStatus, readCluster, wasKilled } from "../local/cluster-status.ts";
import { gitUrl } from "../local/git-process.ts";
import { type Api, connect, type KubernetesObject } from "../local/kubernetes-api.ts";
import { type AppStatus, appStatuses } from "./app-status.ts";
import { type Deployment, readDeployment } from "./deployment-record.ts";
import { urlOfLayer, urlsOfApps } from "./exposed.ts";
import { exit } from "./failure.ts";
import { type LayerStatus, layerStatuses, slotLabel, unready } from "./layer-status.ts";
import { type PlatformFile, readPlatformFile } from "./platform-file.ts";
import { findRemotes } from "./remotes.ts";
import { table } from "./table.ts";

/** What `status --json` prints: a contract for scripts, in docs/status.md. */
export interface PlatformStatus {
  readonly phase: "running" | "starting" | "stopped" | "degraded";
  readonly platform: string;
  readonly stack: string;
  readonly kubeconfig: { readonly developer: string; readonly ci: string };
  readonly api: { readonly url: string };
  readonly git: { readonly url: string; readonly branch: string; readonly example: string };
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[];
  readonly layers: readonly LayerStatus[];
  readonly apps: readonly AppStatus[];
  /** The last `up` that succeeded. */
  readonly deployment?: Deployment;
  readonly processes: readonly {
    readonly name: string;
    /** On the host; 0 while it does not run. */
    readonly pid: number;
    readonly since: string;
    readonly restarts: number;
    /** Why it ended last, where it did. */
    readonly lastExit?: string;
  }[];
  /** What could not be asked, where something could not. */
  readonly message?: string;
}

/** Prints the status; exits 1 while the platform is degraded, so that a script need not read it. */
export const status = async ({ json }: { json: boolean }): Promise<void> => {
  const found = await readStatus(stateFolder());
  process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : await page(found));
  if (found.phase === "degraded") process.exitCode = exit.failed;
};

/** Everything that is known of the platform of a state folder. */
export const readStatus = async (state: string): Promise<PlatformStatus> => {
  const layout = stateLayout(state);
  const cluster = readCluster(state);
  const facts = await readPlatformFile(state);
  if (facts?.stack) findRemotes(facts.stack);
  const holder = lockHolder(layout.lock);
  // A start that prints the status at its end holds the lock itself.
  const starting = holder !== undefined && holder.pid !== process.pid;
  const base = {
    platform: facts?.platform ?? "",
    stack: facts?.stack ?? "",
    kubeconfig: layout.kubeconfig,
    api: { url: cluster?.api ?? "" },
    git: {
      url: cluster?.forwards.git ? gitUrl(cluster.forwards.git) : "",
      branch: facts?.branch ?? "main",
      example: layout.example,
    },
    processes: (cluster?.processes ?? []).map(({ name, pid, since, restarts, lastExit }) => ({
      name,
      pid: pid ?? 0,
      since,
      restarts,
      ...(lastExit ? { lastExit: `${lastExit.reason} at ${lastExit.at}` } : {}),
    })),
  };
  const nothing = { nodes: [], layers: [], apps: [] };
  if (!cluster) {
    const message = starting || !wasKilled(state) ? {} : { message: killed };
    return { ...base, ...nothing, ...message, phase: starting ? "starting" : "stopped" };
  }
  if (!existsSync(layout.kubeconfig.developer)) {
    const message = "the start was interrupted before the API server was up: npm start goes on, npm stop ends it";
    return { ...base, ...nothing, ...(starting ? {} : { message }), phase: starting ? "starting" : "degraded" };
  }
  try {
    const api = await connect(layout.kubeconfig.developer);
    try {
      const live = await readLive(api, state, facts);
      return { ...base, phase: phaseOf(cluster, live, starting), ...live };
    } finally {
      api.close();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, phase: starting ? "starting" : "degraded", nodes: [], layers: [], apps: [], message };
  }
};

const killed = "the platform ended without a stop, its process 1 was killed: npm start goes on, npm stop cleans up";

type Live = Pick<PlatformStatus, "nodes" | "layers" | "apps" | "deployment">;

const phaseOf = (cluster: ClusterStatus, { nodes, layers, apps }: Live, starting: boolean): PlatformStatus["phase"] => {
  if (starting || cluster.phase === "starting") return "starting";
  const well =
    cluster.phase === "running" &&
    nodes.every(({ ready }) => ready) &&
    layers.every(({ ready }) => ready) &&
    apps.every(({ healthy }) => healthy);
  return well ? "running" : "degraded";
};

const readLive = async (api: Api, state: string, facts: PlatformFile | undefined): Promise<Live> => {
  const [{ gitVersion }, nodes, namespaces, deployments, statefulSets, daemonSets, apps, deployment] =
    await Promise.all([
      api.get<{ gitVersion: string }>("/version"),
      api.list("/api/v1/nodes"),
      api.list(`/api/v1/namespaces?labelSelector=${encodeURIComponent(slotLabel)}`),
      api.list("/apis/apps/v1/deployments"),
      api.list("/apis/apps/v1/statefulsets"),
      api.list("/apis/apps/v1/daemonsets"),
      appStatuses(api, state, urlsOfApps(state)),
      facts ? readDeployment(api, facts.stack) : undefined,
    ]);
  const workloads = { namespaces, deployments, statefulSets, daemonSets };
  const layers = facts?.layers ?? [];
  const cluster = unready(["kube-system"], workloads);
  return {
    ...(deployment ? { deployment } : {}),
    nodes: nodes.map((node) => ({ name: node.metadata.name, ready: holds(node, "Ready") })),
    layers: [
      ...layers
        .filter(({ slot }) => slot === "cluster")
        .map(({ slot, implementation }) => ({
          slot,
          implementation,
          version: gitVersion.replace(/^v/, ""),
          ready: nodes.every((node) => holds(node, "Ready")) && cluster === undefined,
          url: "",
          ...(cluster ? { message: cluster } : {}),
        })),
      ...layerStatuses(layers, workloads, urlOfLayer(state, layers)),
    ],
    apps,
  };
};

const holds = (object: KubernetesObject, type: string): boolean =>
  (object.status?.conditions ?? []).some(
    (each: { type: string; status: string }) => each.type === type && each.status === "True",
  );

const mark = (good: boolean): string => (good ? pc.green("✔") : pc.red("✖"));

const ago = (time: string | undefined): string => {
  if (!time) return "";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
};

const page = async (found: PlatformStatus): Promise<string> => {
  const colour = { running: pc.green, starting: pc.yellow, stopped: pc.dim, degraded: pc.red }[found.phase];
  const title = `${pc.bold(found.platform || "plumbline")}  ${colour(found.phase)}${found.stack ? pc.dim(`  stack ${found.stack}`) : ""}\n`;
  if (found.phase === "stopped")
    return `${title}${found.message ?? "Nothing runs in this clone. Start it: npm start"}\n`;
  const running = found.processes.filter(({ pid }) => pid > 0).length;
  return [
    title,
    found.message ? `${mark(false)} ${found.message}\n` : "",
    "\n",
    table(
      ["APP", "", "URL", "COMMIT", "SINCE"],
      found.apps.map(({ name, healthy, url, commit, since }) => [
        name,
        mark(healthy),
        url,
        commit.slice(0, 10),
        ago(since),
      ]),
    ),
    // Beneath the table: a sentence in a column would push the table over the edge of a terminal.
    ...found.apps.flatMap(({ name, message, reverted }) => [
      ...(message ? [`  ${name}: ${message}\n`] : []),
      ...(reverted ? [`  ${name}: live edit undone ${ago(reverted.at)} ago: ${reverted.what}\n`] : []),
    ]),
    "\n",
    table(
      ["LAYER", "", "", "VERSION", "URL"],
      found.layers.map(({ slot, implementation, version, ready, url }) => [
        slot,
        mark(ready),
        implementation,
        version,
        url,
      ]),
    ),
    ...found.layers.flatMap(({ slot, message }) => (message ? [`  ${slot}: ${message}\n`] : [])),
    "\n",
    table(
      ["NODE", ""],
      found.nodes.map(({ name, ready }) => [name, mark(ready)]),
    ),
    "\n",
    `${pc.dim("PROCESSES")} ${running} of ${found.processes.length} run${restarts(found)}\n`,
    ...deployed(found),
    `${pc.dim("API")}       ${found.api.url}\n`,
    `${pc.dim("GIT")}       ${found.git.url}  checkout ${found.git.example}\n`,
    `${pc.dim("NOTE")}      NetworkPolicy is accepted, not enforced, on the local cluster\n`,
  ].join("");
};

const deployed = ({ deployment }: PlatformStatus): string[] => {
  if (!deployment) return [];
  const { revision, clean, actor, at } = deployment;
  const what = `${revision.slice(0, 10) || "no commit"}${clean ? "" : " with changes that are in no commit"}`;
  return [`${pc.dim("STACK")}     ${what}, deployed by ${actor} ${ago(at)} ago\n`];
};

const restarts = ({ processes }: PlatformStatus): string =>
  processes
    .filter((each) => each.restarts > 0 || each.pid === 0)
    .map(
      ({ name, restarts: count, pid, lastExit }) =>
        `\n  ${pid === 0 ? "does not run: " : ""}${name}, started again ${count === 1 ? "once" : `${count} times`}${lastExit ? `: ${lastExit}` : ""}`,
    )
    .join("");
