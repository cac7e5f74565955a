// What does whoever keeps metrics offer the dashboards and the other layers?
import type { Output } from "@pulumi/pulumi";

/** Capability of the slot `metrics`. */
export interface Metrics {
  /** URL of Prometheus' query API, without `/api`. */
  readonly queryUrl: Output<string>;
  /** URL of Alertmanager's API, without `/api`; undefined where alerts are somebody else's. */
  readonly alertsUrl?: Output<string>;
}
