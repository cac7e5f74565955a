// What does a cluster show the layers and apps that are put on it?
import type * as k8s from "@pulumi/kubernetes";
import type { Cloud } from "../cloud.ts";

/** Capability of the slot `cluster`. */
export interface Cluster {
  /** The one provider through which every object of the platform is written. */
  readonly provider: k8s.Provider;
  /** Registry that holds the library's images under their own repository names; unset: the vendors' registries. */
  readonly mirror?: string;
  /** Audiences of ServiceAccount tokens; the API server must accept one of them. */
  readonly audiences: readonly string[];
  /** StorageClass whose volumes stay when their claims go; layers keep their data in it. Unset: in the default one. */
  readonly retainingClass?: string;
  /** What it has at its cloud for the layers; unset where it stands on none. */
  readonly cloud?: Cloud;
}

/** What API servers call themselves where nobody said otherwise: EKS, then the local cluster, kubeadm, kind and k3s. */
export const usualAudiences = ["https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"];

/** Name under which every object is written; the provider's own default is a random one for each. */
export const fieldManager = "plumbline";
