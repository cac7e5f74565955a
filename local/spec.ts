// What the supervisor is told and what it says: the types of engine/programs/supervisor/spec.go and status.go.

/** Shows a folder or file at another place within a machine. A missing source folder is made. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
}

/** Carries TCP from a port of the host's loopback to an address within the cluster. */
export interface Forward {
  readonly name: string;
  /** `127.0.0.1:port`; where it is taken the next free one is used; port 0 takes any. */
  readonly listen: string;
  /** `host:port`, also a name that the cluster's DNS knows; resolved at each connection. */
  readonly target: string;
}

/** When a process counts as ready: exactly one of `http` and `unix`. */
export interface Ready {
  /** URL that answers with a status below 400. */
  readonly http?: string;
  /** File of the authority that an https URL must be signed by; without it nothing is verified. */
  readonly ca?: string;
  /** Socket that accepts a connection. */
  readonly unix?: string;
  /** After so long without an answer the process is ended and started again. */
  readonly timeoutSeconds: number;
}

/** One program that is kept running, or a machine nested in another one. */
export type ProcessSpec = {
  readonly name: string;
  /** Names of earlier processes that must be ready first. */
  readonly after?: readonly string[];
} & (
  | {
      readonly argv: readonly string[];
      readonly env?: readonly string[];
      readonly ready?: Ready;
      /** Ready when it has ended with code 0; then it is not started again. */
      readonly once?: boolean;
    }
  | { readonly machine: MachineSpec }
);

export interface MachineSpec {
  readonly name: string;
  readonly cgroup: string;
  readonly mounts: readonly Mount[];
  readonly network: {
    readonly bridge?: { readonly name: string; readonly address: string };
    readonly uplink?: { readonly address: string; readonly gateway: string };
    readonly routes?: readonly { readonly to: string; readonly via: string }[];
  };
  readonly log: string;
  readonly resolver?: string;
  readonly forwards?: readonly Forward[];
  readonly processes: readonly ProcessSpec[];
}

/** How a process ended that should not have. */
export interface Exit {
  readonly code: number;
  readonly signal?: string;
  readonly reason: string;
  readonly at: string;
  readonly tail: string;
}

export interface ProcessState {
  readonly name: string;
  /** Within its machine; 0 while it does not run. */
  readonly pid: number;
  readonly since: string;
  readonly restarts: number;
  readonly ready: boolean;
  /** Its work is done: it was to run once. */
  readonly done?: boolean;
  readonly lastExit?: Exit;
  readonly machine?: MachineState;
}

export interface MachineState {
  readonly name: string;
  readonly phase: "starting" | "running" | "degraded" | "stopping";
  readonly pid: number;
  readonly started: number;
  readonly boot: string;
  readonly since: string;
  readonly forwards: readonly { readonly name: string; readonly listen: string; readonly target: string }[];
  readonly processes: readonly ProcessState[];
}

/** Where things lie within every machine; specs name nothing of the host but the sources of mounts. */
export const inside = { bin: "/run/plumbline/bin", state: "/run/plumbline/state", log: "/run/plumbline/log" } as const;

/** The environment of every program: its own folder first. */
export const environment = (...more: readonly string[]): readonly string[] => [
  `PATH=${inside.bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
  "HOME=/tmp",
  ...more,
];

/** Command line of a program: `--key=value` for every flag. */
export const command = (program: string, flags: Readonly<Record<string, string | number | boolean>>): string[] => [
  `${inside.bin}/${program}`,
  ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
];
