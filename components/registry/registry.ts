// What does whoever keeps images offer the apps and those who push?
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** Name of the Secret with which the pods of an app pull: what a manifest in Git names under `imagePullSecrets`. */
export const pullSecretName = "registry";

/** Name and password of somebody who may push. */
export interface PushCredentials {
  readonly username: pulumi.Output<string>;
  /** Secret. */
  readonly password: pulumi.Output<string>;
}

/** Capability of the slot `registry`. */
export interface Registry {
  /** Host, and port where it is not 443, as it stands before an image's path. */
  readonly host: pulumi.Output<string>;
  /**
   * Declares the Secret {@link pullSecretName} in a namespace; it lets pull, not push. Undefined where nodes pull by an
   * identity of their own.
   */
  readonly pullSecret?: (
    name: string,
    namespace: pulumi.Input<string>,
    opts: pulumi.ComponentResourceOptions,
  ) => pulumi.Resource;
  /** Who pushes; undefined where the registry is somebody else's and takes other credentials. */
  readonly pushCredentials?: PushCredentials;
}

/** Who pulls, and from where. */
export interface PullAccount {
  readonly host: pulumi.Input<string>;
  readonly username: pulumi.Input<string>;
  readonly password: pulumi.Input<string>;
}

/** Declares the Secret {@link pullSecretName} of an account, as kubelets read it. */
export const declarePullSecret = (
  name: string,
  namespace: pulumi.Input<string>,
  account: PullAccount,
  opts: pulumi.ComponentResourceOptions,
): k8s.core.v1.Secret => declareLogin(name, { name: pullSecretName, namespace }, account, opts);

/** Declares a Secret with the login of an account, as kubelets and those who push read it. */
export const declareLogin = (
  name: string,
  metadata: { name: string; namespace: pulumi.Input<string> },
  { host, username, password }: PullAccount,
  opts: pulumi.ComponentResourceOptions,
): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    name,
    {
      metadata,
      type: "kubernetes.io/dockerconfigjson",
      data: pulumi.secret(
        pulumi.all([host, username, password]).apply(([registry, user, secret]) => ({
          ".dockerconfigjson": base64(
            JSON.stringify({
              auths: { [registry]: { username: user, password: secret, auth: base64(`${user}:${secret}`) } },
            }),
          ),
        })),
      ),
    },
    opts,
  );

const base64 = (text: string): string => Buffer.from(text).toString("base64");
