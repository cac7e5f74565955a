// What does whoever keeps logs offer the collector, the dashboards and the apps?
import type { Output } from "@pulumi/pulumi";

/** Capability of the slot `logs`. */
export interface Logs {
  /** URL that takes logs by OTLP over HTTP, without `/v1/logs`. */
  readonly pushUrl: Output<string>;
  /** URL of Loki's query API, without `/loki/api`. */
  readonly queryUrl: Output<string>;
}
