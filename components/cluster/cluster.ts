// What does a cluster show the layers and apps that are put on it?
import type * as k8s from "@pulumi/kubernetes";

/** Capability of the slot `cluster`. */
export interface Cluster {
  /** The one provider through which every object of the platform is written. */
  readonly provider: k8s.Provider;
  /** Registry that holds the library's images under their own repository names; unset: the vendors' registries. */
  readonly mirror?: string;
  /** Audiences of which the API server accepts a ServiceAccount token; the first is asked for. */
  readonly audiences: readonly string[];
}
