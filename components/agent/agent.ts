// What does a pull agent offer apps, whichever agent it is?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";

/** One app as any agent can deliver it: where its manifests are, and how they are brought into the cluster. */
export interface Delivery {
  /** Name of the app: unique within its namespace. */
  readonly name: string;
  /** Namespace that receives the manifests; it exists already. */
  readonly namespace: string;
  /** URL of the Git repository, as it is reached from inside the cluster. */
  readonly repository: string;
  /** Branch that is followed. */
  readonly branch: string;
  /** Folder within the repository. */
  readonly path: string;
  /** How often the live objects are compared with Git, as a Go duration: "30s". */
  readonly interval: string;
  /** How long an app may take until it is healthy, as a Go duration: "2m". */
  readonly timeout: string;
  /** Whether objects that leave Git also leave the cluster. */
  readonly prune: boolean;
  /** Apps that must be healthy first, as "name" or "namespace/name". */
  readonly dependsOn: readonly string[];
  /** ServiceAccount of the namespace with whose rights the manifests are applied. */
  readonly deployer: Input<string>;
}

/** Capability of the slot `agent`. */
export interface Agent {
  /**
   * Declares the agent's objects for one app.
   *
   * @returns the object whose status tells how the delivery went
   */
  readonly deliver: (name: string, delivery: Delivery, opts: ComponentResourceOptions) => Resource;
}
