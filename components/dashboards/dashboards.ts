// What does whoever shows dashboards offer people?
import type { Output } from "@pulumi/pulumi";

/** Capability of the slot `dashboards`. */
export interface Dashboards {
  /** URL as people reach it. */
  readonly url: Output<string>;
}
