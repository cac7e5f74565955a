// How is the local cluster? Read from files and /proc alone: `status` may not take longer than a blink.
import { stateLayout } from "../engine/folders.ts";
import { cgroupOf, hostPids, lastWords, readMachine } from "./machine.ts";
import type { Exit, MachineState } from "./spec.ts";

/** One process of the platform, those of nodes named `node-0/kubelet`. */
export interface ClusterProcess {
  readonly name: string;
  /** On the host; undefined while it does not run. */
  readonly pid: number | undefined;
  readonly since: string;
  readonly restarts: number;
  readonly ready: boolean;
  readonly lastExit?: Exit;
}

export interface ClusterStatus {
  readonly phase: MachineState["phase"];
  /** Process 1 of the platform, on the host: ending it ends all. */
  readonly pid: number;
  readonly since: string;
  /** URL of the API server on the host. */
  readonly api: string;
  /** `127.0.0.1:port` by the name of the forward. */
  readonly forwards: Readonly<Record<string, string>>;
  readonly processes: readonly ClusterProcess[];
}

/** How the cluster of a state folder is; undefined where none runs. Reads files alone: milliseconds. */
export const readCluster = (state: string): ClusterStatus | undefined => {
  const { cluster } = stateLayout(state);
  const machine = readMachine(cluster);
  if (!machine) return undefined;
  const forwards = forwardsOf(machine);
  return {
    phase: machine.phase,
    pid: machine.pid,
    since: machine.since,
    api: `https://${forwards.api}`,
    forwards,
    processes: processesOf(machine, hostPids(cgroupOf(cluster))),
  };
};

/** Whether a machine ran here and ended without `stopCluster`, which removes its last words. */
export const wasKilled = (state: string): boolean => {
  const { cluster } = stateLayout(state);
  return lastWords(cluster) !== undefined && readMachine(cluster) === undefined;
};

/** Address on the host by the name of the forward. */
export const forwardsOf = (machine: MachineState): Record<string, string> =>
  Object.fromEntries(machine.forwards.map(({ name, listen }) => [name, listen]));

const processesOf = (machine: MachineState, pids: ReadonlyMap<string, number>, prefix = ""): ClusterProcess[] =>
  machine.processes.flatMap((each) => [
    {
      name: prefix + each.name,
      pid: pids.get(prefix + each.pid),
      since: each.since,
      restarts: each.restarts,
      ready: each.ready,
      ...(each.lastExit ? { lastExit: each.lastExit } : {}),
    },
    ...(each.machine ? processesOf(each.machine, pids, `${each.name}/`) : []),
  ]);
