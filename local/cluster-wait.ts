// When does the local cluster count as started, and what is said of one that does not come up?
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stateLayout } from "../engine/folders.ts";
import type { Say } from "../engine/progress.ts";
import { type Api, ApiError, connect } from "./kubernetes-api.ts";
import { readMachine } from "./machine.ts";
import { nodeName } from "./network.ts";
import type { Exit, MachineState } from "./spec.ts";

/** Seconds that each wait may take; on 2 cores a start takes about 7 in all. */
const bounds = { processes: 180, nodes: 120 };

/** The machine with all its processes ready. @throws Error that says which one is not, and what it said last */
export const waitForProcesses = async (cluster: string, say: Say, signal: AbortSignal): Promise<MachineState> => {
  for (const end = Date.now() + bounds.processes * 1000; ; await sleep(50, undefined, { signal })) {
    const machine = readMachine(cluster);
    if (!machine) throw new Error(await died(cluster));
    const waiting = unready(machine) ?? settingUp(machine);
    if (!waiting) return machine;
    say(`waiting for ${waiting.name}${waiting.lastExit ? ` (${waiting.lastExit.reason})` : ""}`);
    if (Date.now() > end) throw new Error(failure(waiting, bounds.processes));
    // A process that fails again and again from its start on will not come up by waiting.
    if ((waiting.lastExit?.code ?? 0) > 0 && waiting.restarts >= 5) throw new Error(failure(waiting));
  }
};

interface Waiting {
  readonly name: string;
  readonly restarts: number;
  readonly lastExit?: Exit;
}

const unready = (machine: MachineState, prefix = ""): Waiting | undefined => {
  const found = machine.processes.find(({ ready }) => !ready);
  if (!found) return undefined;
  const name = prefix + found.name;
  const inner = found.machine && unready(found.machine, `${name}/`);
  return inner ?? { name, restarts: found.restarts, ...(found.lastExit ? { lastExit: found.lastExit } : {}) };
};

// Its first words name neither processes nor ports.
const settingUp = ({ phase }: MachineState): Waiting | undefined =>
  phase === "starting" ? { name: "the supervisor", restarts: 0 } : undefined;

const failure = ({ name, restarts, lastExit }: Waiting, seconds?: number): string => {
  const bound = seconds ? ` within ${seconds} s` : "";
  return lastExit
    ? `${name} did not become ready${bound}; started ${restarts + 1} times. ${lastExit.reason}\n${lastExit.tail}`
    : `${name} did not become ready${bound}`;
};

export const died = async (cluster: string): Promise<string> => {
  const log = join(dirname(cluster), "log", "supervisor.log");
  const lines = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-12);
  return `the supervisor of the platform has died; the end of ${log}:\n${lines.join("\n")}`;
};

/**
 * Whether the loops of kube-controller-manager are at work: it answers before they are. What they write first, the
 * authority of the API server, is what the platform's declaration reads.
 */
const loopsRun = (api: Api): Promise<boolean> =>
  api.get("/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt").then(
    () => true,
    (error) => {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    },
  );

/** Nodes that report Ready since this machine started: what etcd remembers of an earlier run does not count. */
export const waitForNodes = async (
  state: string,
  machine: MachineState,
  nodes: number,
  say: Say,
  signal: AbortSignal,
) => {
  const api = await connect(stateLayout(state).kubeconfig.ci);
  const since = Math.floor(Date.parse(machine.since) / 1000) * 1000;
  const wanted = [...Array(nodes).keys()].map(nodeName);
  try {
    for (const end = Date.now() + bounds.nodes * 1000; ; await sleep(100, undefined, { signal })) {
      const there = await api.list("/api/v1/nodes").catch((error) => {
        // For a moment after a start the API server doesn't yet know its own roles.
        if (error instanceof ApiError && (error.status === 0 || error.status === 403 || error.status >= 500)) return [];
        throw error;
      });
      for (const { metadata } of there) {
        if (!wanted.includes(metadata.name)) await api.send("DELETE", `/api/v1/nodes/${metadata.name}`, undefined);
      }
      const ready = there.filter(({ status }) =>
        status?.conditions?.some(
          (each: Record<string, string>) =>
            each.type === "Ready" && each.status === "True" && Date.parse(each.lastHeartbeatTime ?? "") >= since,
        ),
      );
      const missing = wanted.filter((name) => !ready.some(({ metadata }) => metadata.name === name));
      if (missing.length === 0 && (await loopsRun(api))) return;
      say(missing.length > 0 ? `waiting for ${missing.join(", ")} to be Ready` : "waiting for the controller manager");
      if (Date.now() > end) {
        const messages = there.flatMap(({ status }) =>
          (status?.conditions ?? [])
            .filter((each: Record<string, string>) => each.type === "Ready")
            .map((each: Record<string, string>) => each.message),
        );
        throw new Error(
          missing.length > 0
            ? `${missing.join(", ")} not Ready within ${bounds.nodes} s. ${messages.join("; ")}`
            : `kube-controller-manager did not write kube-system/kube-root-ca.crt within ${bounds.nodes} s`,
        );
      }
    }
  } finally {
    api.close();
  }
};
