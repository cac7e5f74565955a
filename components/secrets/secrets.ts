// What does whoever keeps secrets offer the apps?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";

/** The secrets that one ServiceAccount of an app reads. */
export interface SecretRequest {
  /** Name of the app. */
  readonly app: string;
  readonly namespace: Input<string>;
  /** ServiceAccount of the namespace whose pods may read them, and nobody else. */
  readonly serviceAccount: string;
  /** File name in the pod, in `/secrets` → where its value stands in the store, as `<path>#<key>`. */
  readonly files: Readonly<Record<string, string>>;
}

/** A secret of the cluster's cloud, which a layer reads. */
export interface SecretCopy {
  readonly namespace: Input<string>;
  /** Name of the Secret that is made. */
  readonly secret: string;
  /** Name or ARN at the cloud, of a JSON object. */
  readonly from: Input<string>;
  /** Its keys, which become those of the Secret. */
  readonly keys: readonly string[];
}

/** Capability of the slot `secrets`. */
export interface Secrets {
  /**
   * Lets an app read secrets, and declares in its namespace what its pods need for that. No value passes through Git,
   * Pulumi's state, a log or a Secret of the cluster.
   */
  readonly grant: (name: string, request: SecretRequest, opts: ComponentResourceOptions) => Resource;
  /** Keeps a Secret of a namespace as a secret of the cluster's cloud is. Unset where the store is another. */
  readonly copy?: (name: string, copy: SecretCopy, opts: ComponentResourceOptions) => Resource;
}
