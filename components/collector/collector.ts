// What does whoever collects the logs of pods show? Nothing that others call: it reads the nodes and pushes to `logs`.
import type { Resource } from "@pulumi/pulumi";

/** Capability of the slot `collector`. */
export interface Collector {
  /** What runs on each node. */
  readonly agent: Resource;
}
