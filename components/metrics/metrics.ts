// What does whoever keeps metrics offer the dashboards and the other layers?
import type { Output } from "@pulumi/pulumi";

/** Capability of the slot `metrics`. */
export interface Metrics {
  /** URL of Prometheus' query API, without `/api`. */
  readonly queryUrl: Output<string>;
  /** URL of Alertmanager's API, without `/api`; undefined where alerts are somebody else's. */
  readonly alertsUrl?: Output<string>;
}

/** What the API server counts where the layer declares it: see `signals.ts`. */
export type Signal = "commit" | "delivery" | "delivery-failed" | "drift" | "drift-scale";

/** Name of the admission policy that counts a signal. */
export const policyName = (signal: Signal): string => `plumbline-${signal}`;

/** The series of a signal: it grows by one with each request that the signal is about, and is not there before the first. */
export const counted = (signal: Signal): string =>
  `apiserver_validating_admission_policy_check_total{policy="${policyName(signal)}",enforcement_action="audit"}`;

/**
 * How much a signal grew within a window. A series that was not there before grew from nothing, which `increase` would
 * miss: the first change past Git is the one to hear of. A counter that began anew counts as nothing rather than as less.
 */
export const grown = (signal: Signal, window: string): string =>
  `(clamp_min(sum(${counted(signal)}) - (sum(${counted(signal)} offset ${window}) or vector(0)), 0) or vector(0))`;
