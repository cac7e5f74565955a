// The local cluster: started, read, stopped. A real Kubernetes, all of it within namespaces of one process.
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stateLayout } from "../engine/folders.ts";
import type { Say } from "../engine/progress.ts";
import { applyBootstrapObjects } from "./bootstrap.ts";
import { bootstrapIsDestroyed, destroyBootstrapCredential, ensureCertificates } from "./certificates.ts";
import { type ClusterStatus, forwardsOf, readCluster } from "./cluster-status.ts";
import { died, waitForNodes, waitForProcesses } from "./cluster-wait.ts";
import { apiPort, controlPlaneProcesses, writeControlPlane } from "./control-plane.ts";
import { endFilling, ensureImageStore, placeImageStore } from "./image-store.ts";
import type { Image } from "./images.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { cgroupOf, lastWords, launchMachine, readMachine, stopMachine } from "./machine.ts";
import { addresses, maxNodes, nodeAddress, nodeName, podRange } from "./network.ts";
import { containerdFolder, nodeMachine, writeNode } from "./node.ts";
import { type Forward, inside, type MachineSpec, type Mount, type ProcessSpec } from "./spec.ts";

export { type ClusterProcess, type ClusterStatus, readCluster } from "./cluster-status.ts";
export type { Forward, Mount, ProcessSpec } from "./spec.ts";

export interface ClusterOptions {
  /** State folder, as in `engine/folders.ts`. */
  readonly state: string;
  /** Number of nodes, 1 to 9. */
  readonly nodes: number;
  /** Folder with every program. */
  readonly programs: string;
  /** Folder that keeps images between starts and clones. */
  readonly imageCache: string;
  /** Images that every node has. */
  readonly images: readonly Image[];
  /** Ports of the host that lead into the cluster, beside that of the API server. */
  readonly forwards?: readonly Forward[];
  /** Further processes of the control plane's machine. */
  readonly processes?: readonly ProcessSpec[];
  /** Further folders of the host that the control plane's machine sees. */
  readonly mounts?: readonly Mount[];
  /** Admission policies in force from the first request on: YAML documents. */
  readonly staticManifests?: readonly string[];
  readonly say: Say;
  readonly signal: AbortSignal;
}

export type Cluster = ClusterStatus;

/** The port of the host that leads to the API server, where it is free. */
const preferredApiPort = 16443;

/**
 * Starts the cluster, or goes on with what an earlier start left; a running one is returned as it is. Ends when the API
 * server answers, every process is ready and every node is Ready.
 *
 * @throws Error that names what was waited for, with the last lines of the log of what failed
 */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { state, nodes, say, signal } = options;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > maxNodes) {
    throw new Error(`--nodes ${nodes}: a whole number from 1 to ${maxNodes} is needed`);
  }
  const { cluster } = stateLayout(state);
  const running = readMachine(cluster);
  if (!running || running.phase === "stopping") {
    await mkdir(cluster, { recursive: true, mode: 0o700 });
    await endFilling(fillingFolder(cluster));
    await stopMachine(cluster, cgroupOf(cluster));
    await prepare(options);
    signal.throwIfAborted();
    say("starting the control plane");
    await launchMachine(cluster, specOf(options), options.programs);
  }
  const machine = await waitForProcesses(cluster, say, signal);
  const api = `https://${forwardsOf(machine).api}`;
  await writeKubeconfigs(state, api);
  await bootstrapIdentities(state, signal);
  await waitForNodes(state, machine, nodes, say, signal);
  const status = readCluster(state);
  if (!status) throw new Error(await died(cluster));
  return status;
};

/**
 * Ends every process and removes what outlives them; bounded, safe to repeat, also after a crash of anything.
 *
 * @param keep keeps etcd's data, identities, volumes and images of the nodes for the next start
 */
export const stopCluster = async ({ state, keep }: { state: string; keep: boolean }): Promise<{ stopped: boolean }> => {
  const { cluster, kubeconfig: files } = stateLayout(state);
  // Also without the folder there may be a cgroup of it; its path alone decides the name.
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  await endFilling(fillingFolder(cluster));
  const stopped = await stopMachine(cluster, cgroupOf(cluster));
  await rm(join(cluster, "status.json"), { force: true });
  if (!keep) {
    await rm(cluster, { recursive: true, force: true });
    await rm(dirname(files.ci), { recursive: true, force: true });
  }
  return { stopped };
};

/** Deletes key and certificate of the identity in `system:masters`; from then on `ci` is the highest. */
export const destroyBootstrap = async (state: string): Promise<void> => {
  const { cluster } = stateLayout(state);
  await destroyBootstrapCredential(join(cluster, "pki"));
  await rm(join(cluster, "bootstrap.yaml"), { force: true });
};

/** Whether the platform has not come to the end of its first `up` yet. */
export const isNew = async (state: string): Promise<boolean> =>
  !(await bootstrapIsDestroyed(join(stateLayout(state).cluster, "pki")));

/** Gives `ci` and the API server's own client their roles, as `bootstrap`; nothing is left to do once that is destroyed. */
export const bootstrapIdentities = async (state: string, signal: AbortSignal): Promise<void> => {
  const { cluster } = stateLayout(state);
  if (await bootstrapIsDestroyed(join(cluster, "pki"))) return;
  await applyBootstrapObjects(join(cluster, "bootstrap.yaml"), signal);
};

const fillingFolder = (cluster: string): string => join(cluster, "images");

const prepare = async ({
  state,
  nodes,
  programs,
  imageCache,
  images,
  staticManifests,
  say,
  signal,
}: ClusterOptions) => {
  const { cluster } = stateLayout(state);
  say("certificates");
  await ensureCertificates(join(cluster, "pki"), nodes);
  await writeControlPlane(cluster, staticManifests ?? []);
  say("images");
  const draft = fillingFolder(cluster);
  const store = await ensureImageStore({ images, programs, cache: imageCache, draft, say, signal });
  for (let index = 0; index < nodes; index++) {
    await writeNode(cluster, index, cgroupOf(cluster));
    await mkdir(dirname(containerdFolder(cluster, index)), { recursive: true });
    await placeImageStore(store, containerdFolder(cluster, index));
  }
};

const specOf = ({ state, nodes, programs, forwards, processes, mounts }: ClusterOptions): MachineSpec => {
  const { cluster, log } = stateLayout(state);
  const cgroup = cgroupOf(cluster);
  const last = lastWords(cluster)?.forwards ?? [];
  const all = [...Array(nodes).keys()];
  const preferred = (name: string, otherwise: string) => last.find((each) => each.name === name)?.listen ?? otherwise;
  return {
    name: "control-plane",
    cgroup,
    mounts: [
      { source: programs, target: inside.bin, readOnly: true },
      { source: state, target: inside.state },
      { source: log, target: inside.log },
      { source: join(cluster, "control-plane", "var"), target: "/var" },
      ...(mounts ?? []),
    ],
    network: {
      bridge: { name: addresses.bridge, address: `${addresses.controlPlane}/24` },
      routes: [
        { to: addresses.services, via: nodeAddress(0) },
        ...all.map((index) => ({ to: podRange(index), via: nodeAddress(index) })),
      ],
    },
    log: inside.log,
    resolver: `${addresses.dns}:53`,
    forwards: [
      { name: "api", listen: preferred("api", `127.0.0.1:${preferredApiPort}`), target: `127.0.0.1:${apiPort}` },
      ...(forwards ?? []).map((each) => ({ ...each, listen: preferred(each.name, each.listen) })),
    ],
    processes: [
      ...controlPlaneProcesses(),
      ...all.map((index) => ({
        name: nodeName(index),
        after: ["kube-apiserver"],
        machine: nodeMachine(index, cgroup, [{ source: inside.bin, target: inside.bin, readOnly: true }]),
      })),
      ...(processes ?? []),
    ],
  };
};

const writeKubeconfigs = async (state: string, api: string): Promise<void> => {
  const { cluster, kubeconfig: files } = stateLayout(state);
  const pki = join(cluster, "pki");
  const targets: Record<string, string> = { ci: files.ci, developer: files.developer };
  if (!(await bootstrapIsDestroyed(pki))) targets.bootstrap = join(cluster, "bootstrap.yaml");
  for (const [name, path] of Object.entries(targets)) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, await kubeconfig(pki, name, api), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
};
