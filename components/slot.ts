// Which roles does a platform have, what does each show the others, and does a set of layers fit together?
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { Agent } from "./agent/agent.ts";
import type { Certificates } from "./certificates/certificates.ts";
import type { CloudRoles, CloudThing } from "./cloud.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Place } from "./cluster/kubeconfig.ts";
import type { Collector } from "./collector/collector.ts";
import { findCycle } from "./cycle.ts";
import type { Dashboards } from "./dashboards/dashboards.ts";
import type { Ingress } from "./ingress/ingress.ts";
import type { Logs } from "./logs/logs.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { type Problem, refuse } from "./problems.ts";
import type { Registry } from "./registry/registry.ts";
import type { Secrets } from "./secrets/secrets.ts";

/** The one list of slots and what each shows the others: Outputs and functions, never a class. */
export interface Capabilities {
  cluster: Cluster;
  certificates: Certificates;
  ingress: Ingress;
  registry: Registry;
  secrets: Secrets;
  metrics: Metrics;
  logs: Logs;
  collector: Collector;
  dashboards: Dashboards;
  agent: Agent;
}

/** Name of a slot. */
export type Slot = keyof Capabilities;

// The same names where types are gone; a slot that is missing here does not compile.
const slots: Record<Slot, true> = {
  cluster: true,
  certificates: true,
  ingress: true,
  registry: true,
  secrets: true,
  metrics: true,
  logs: true,
  collector: true,
  dashboards: true,
  agent: true,
};

/** An object that a rule does not hold for. */
export interface Exemption {
  /** Identifier of the rule, as refusals name it. */
  readonly rule: string;
  /** A workload stands for the pods, ReplicaSets and Jobs made from it. A name may end in `*`. */
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly reason: string;
  readonly approver: string;
  /** Last day on which it holds, in UTC: "2026-12-31". */
  readonly expires: string;
}

/** Where people and programs outside the cluster reach a layer: a Service of it. */
export interface Reach {
  readonly service: string;
  readonly namespace: string;
  readonly port: number;
  readonly scheme: "http" | "https";
}

/** Capabilities that a layer sees: those that it needs, and those that it uses where they are there. */
export type Given<N extends Slot, U extends Slot> = Pick<Capabilities, N> & { readonly [S in U]?: Capabilities[S] };

/** A registry within the cluster that no DNS knows: what the nodes of the local platform are told, to pull from it. */
export interface Pulled {
  /** Host as it stands before an image's path. */
  readonly host: string;
  /** Cluster IP of its Service, which answers by HTTPS. */
  readonly address: string;
  readonly namespace: string;
  /** Secret whose `ca.crt` is the authority of its certificate. */
  readonly certificate: string;
  /** Secret with the password of the account `push`, under that name. */
  readonly accounts: string;
}

/** One word of a stack file: an implementation for a slot, data until `build`. */
export interface Layer<S extends Slot, N extends Slot = never, U extends Slot = never> {
  readonly slot: S;
  /** Word that chose it: "flux". Shown by `plumbline status`. */
  readonly implementation: string;
  /** Words of what it brings beside, which the local platform has programs and images for. Default: none. */
  readonly parts?: readonly string[];
  /** Version of what runs, where one runs: "1.9.5". */
  readonly version?: string;
  /** What of it is reached from outside, where something is; `plumbline status` shows its URL. */
  readonly reach?: Reach;
  /** Where nodes pull from it, where it is a registry that only the cluster knows. */
  readonly pulled?: Pulled;
  /** Whether it fetches what a kustomization names outside of its repository, where it is an agent. Default: it does. */
  readonly remoteBases?: boolean;
  /** What its pods may do that a rule of `policies/` forbids, with the reason: true wherever it runs. Default: nothing. */
  readonly exemptions?: readonly Exemption[];
  /** What the cluster is to make for it at its cloud. Default: nothing. */
  readonly asks?: readonly CloudThing[];
  /** What it makes for layers at its cloud, where it is a cluster. Default: nothing. */
  readonly gives?: readonly CloudThing[];
  /** By which roles CI comes to it, where it is a cluster at a cloud. */
  readonly roles?: CloudRoles;
  /** Which kubeconfig and context lead to it, where it is a cluster that is named by them. */
  readonly place?: Place;
  /** Slots whose capabilities `build` receives. */
  readonly needs: readonly N[];
  /** Slots whose capabilities `build` receives where the platform has them. Default: none. */
  readonly uses?: readonly U[];
  /** Declares it under a name, and returns what it shows the other layers. A method, so that {@link Layers} can hold any. */
  build(name: string, given: Given<N, U>, opts: ComponentResourceOptions): Capabilities[S];
}

/** Declares a layer; the slot, the needs and the uses are inferred. */
export const layer = <const S extends Slot, const N extends Slot = never, const U extends Slot = never>(
  declared: Layer<S, N, U>,
): Layer<S, N, U> => declared;

/** The layers that a stack chooses. The cluster is part of the settings, since no platform lacks one. */
export type Layers = {
  // The needs of a layer are existential here: `Complete` checks them, and `any` is the only way to say "whichever".
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly [S in Exclude<Slot, "cluster">]?: Layer<S, any, any>;
};

type Missing<P, S extends keyof P> = P[S] extends { needs: readonly (infer N)[] }
  ? Exclude<N, keyof P | "cluster">
  : never;

/** Turns a missing need or an unknown slot into a compile error that names it. */
export type Complete<P> = {
  [S in keyof P]: S extends keyof Layers
    ? [Missing<P, S>] extends [never]
      ? unknown
      : { "missing slot": Missing<P, S> }
    : { "no such slot": S };
};

/** A layer as it is found at run time, where the types are gone. */
type Found = Partial<Layer<Slot, Slot, Slot>> | null | undefined;

/** Slots that come before a layer: its needs, and of what it uses that which is there. */
const before = ({ needs = [], uses = [] }: NonNullable<Found>, there: object): Slot[] => [
  ...new Set([...needs, ...uses.filter((slot) => slot in there)]),
];

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");

/** The checks of {@link Layers} and {@link Complete} once more, for programs whose types nobody checked. */
export const layerProblems = (layers: Record<string, unknown>): Problem[] => {
  const problems: Problem[] = [];
  const choosable = Object.keys(slots).filter((slot) => slot !== "cluster");
  for (const [slot, value] of Object.entries(layers)) {
    const found = value as Found;
    if (!choosable.includes(slot)) {
      problems.push({ field: `layers.${slot}`, value: slot, allowed: `one of the slots ${list(choosable)}` });
    } else if (typeof found?.build !== "function" || !Array.isArray(found.needs)) {
      problems.push({ field: `layers.${slot}`, value, allowed: `a layer for slot "${slot}"` });
    } else {
      if (found.slot !== slot) {
        problems.push({
          field: `layers.${slot}`,
          value: `${found.implementation}, a layer for slot "${found.slot}"`,
          allowed: `a layer for slot "${slot}"`,
        });
      }
      for (const need of found.needs) {
        if (need !== "cluster" && !(need in layers)) {
          problems.push({
            field: `layers.${need}`,
            value: undefined,
            allowed: `a layer for slot "${need}", which ${found.implementation} needs`,
          });
        }
      }
    }
  }
  const needs = new Map(Object.entries(layers).map(([slot, value]) => [slot, before((value as Found) ?? {}, layers)]));
  const cycle = problems.length === 0 ? findCycle(needs) : undefined;
  if (cycle) {
    problems.push({ field: `layers.${cycle[0]}`, value: cycle.join(" needs "), allowed: "needs without a cycle" });
  }
  return problems;
};

/**
 * Builds layers depth first over their needs and what they use, each once.
 *
 * @param built capabilities that exist already
 * @throws InvalidDeclaration when a need is missing, a slot is wrong or unknown, or needs form a cycle
 */
export const buildLayers = (
  layers: Layers,
  built: Partial<Capabilities>,
  name: (slot: Slot) => string,
  opts: ComponentResourceOptions,
): Partial<Capabilities> => {
  refuse("layers", layerProblems(layers));
  const capabilities: Partial<Record<Slot, unknown>> = { ...built };
  const build = (slot: Slot): void => {
    const chosen = (layers as Partial<Record<Slot, Layer<Slot, Slot>>>)[slot];
    if (slot in capabilities || !chosen) return;
    const first = before(chosen, { ...layers, ...built });
    for (const need of first) build(need);
    const given = Object.fromEntries(first.map((need) => [need, capabilities[need]]));
    // The checks above hold what this cast claims: each need is there, under its own name.
    capabilities[slot] = chosen.build(name(slot), given as Given<Slot, never>, opts);
  };
  for (const slot of Object.keys(layers)) build(slot as Slot);
  return capabilities as Partial<Capabilities>;
};
