// What does whoever keeps images offer the apps and those who push?
import type { ComponentResourceOptions, Input, Output, Resource } from "@pulumi/pulumi";

/** Name of the Secret with which the pods of an app pull: what a manifest in Git names under `imagePullSecrets`. */
export const pullSecretName = "registry";

/** Name and password of somebody who may push. */
export interface PushCredentials {
  readonly username: Output<string>;
  /** Secret. */
  readonly password: Output<string>;
}

/** Capability of the slot `registry`. */
export interface Registry {
  /** Host, and port where it is not 443, as it stands before an image's path. */
  readonly host: Output<string>;
  /** Declares the Secret {@link pullSecretName} in a namespace; it lets pull, not push. */
  readonly pullSecret: (name: string, namespace: Input<string>, opts: ComponentResourceOptions) => Resource;
  /** Who pushes; undefined where the registry is somebody else's and takes other credentials. */
  readonly pushCredentials?: PushCredentials;
}
