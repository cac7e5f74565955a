// How is Argo CD run? Its controller, its repository server and their cache, without a web server and with the least rights.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { usualAudiences } from "../cluster/cluster.ts";
import { readDefinitions } from "../definitions.ts";
import type { CredentialsArgs } from "../delivery/credentials.ts";
import { layerNamespace } from "../namespace.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import type { Agent, Delivery } from "./agent.ts";
import { deliverWithArgoCd } from "./argo-cd-delivery.ts";
import { declarePrograms, programs } from "./argo-cd-programs.ts";
import { notifierRules } from "./argo-cd-rights.ts";
import { declareSettings, type GitServers, gatherGitServers } from "./argo-cd-settings.ts";
import { argoCdDefinitions } from "./crds.ts";
import { openToRemotes } from "./remote-ports.ts";
import { type AgentWebhookArgs, declareWebhook, hidden, type WebhookExposure } from "./webhook.ts";
import { type AgentWebhookSettings, webhookArgs, webhookLayer } from "./webhook-settings.ts";

/** Arguments of {@link ArgoCd}. */
export interface ArgoCdArgs {
  /** Namespace of the programs and of the projects. Default: "argocd". */
  namespace?: string;
  /** Registry that holds the images under their own repository names. Default: the vendors'. */
  mirror?: string;
  /** Audiences of ServiceAccount tokens; the API server must accept one. Default: those of EKS, kubeadm, kind and k3s. */
  audiences?: string[];
  /**
   * TCP ports to which the repository server reaches for what lies outside of an app's repository: bases of kustomizations, and charts
   * that a chart depends on. Default: none but those of the apps' Git servers.
   */
  remotePorts?: number[];
  /** Folder with the CustomResourceDefinitions of this Argo CD. Default: `PLUMBLINE_CRDS`, then `crds/` of this package. */
  definitions?: string;
  /** A receiver of push events, which has the apps refreshed at once. Default: none; they are each three minutes. */
  webhook?: AgentWebhookArgs;
}

/** What code may change about {@link ArgoCd}. */
export interface ArgoCdOptions extends pulumi.ComponentResourceOptions {
  /** Where the receiver of push events is reached from outside the cluster. Default: nowhere. */
  webhook?: WebhookExposure;
  transform?: {
    /** Changes the Deployment of the application controller. */
    controller?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
    /** Changes the Deployment of the repository server. */
    repoServer?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
    /** Changes the Deployment of the cache. */
    cache?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
  };
}

/**
 * Argo CD without its web server: it follows Git repositories and applies what they hold.
 *
 * Nothing here may impersonate, and the controller writes nothing of an app: it asks the API server for a short-lived token
 * of the deployer of the app's own namespace, which it may do for those ServiceAccounts alone.
 *
 * @example
 * const agent = new ArgoCd("agent", {});
 * new App("shop", { repository: "https://git.example.com/shop.git", path: "deploy" }, { agent });
 */
export class ArgoCd extends pulumi.ComponentResource implements Agent {
  /** Namespace of the programs and of the projects. */
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: ArgoCdArgs = {}, opts: ArgoCdOptions = {}) {
    const { transform = {}, webhook: exposed, ...options } = opts;
    super("plumbline:index:ArgoCd", name, hidden(args), options);
    const parent = { parent: this };
    const namespace = args.namespace ?? "argocd";

    const home = layerNamespace(name, { namespace, slot: "agent" }, parent);
    const within = { parent: this, dependsOn: home };
    const definitions = readDefinitions(argoCdDefinitions, args.definitions).map(
      ({ apiVersion: _, kind: __, ...definition }) =>
        new k8s.apiextensions.v1.CustomResourceDefinition(`${name}-${definition.metadata.name}`, definition, parent),
    );
    const gitServers = gatherGitServers();
    const audiences = args.audiences ?? usualAudiences;
    const settings = declareSettings(name, { namespace, audiences, gitServers }, within);
    const ready = declarePrograms(
      name,
      {
        namespace,
        mirror: args.mirror,
        verifies: gitServers.whole.then(({ keys }) => keys.size > 0),
        after: [...definitions, ...settings],
        transform: {
          controller: transform.controller,
          repoServer: transform.repoServer,
          cache: transform.cache,
        },
      },
      within,
    );
    openToRemotes(name, { namespace, programs: [programs.repoServer], ports: args.remotePorts ?? [] }, within);
    notifierRules(name, within);
    const { webhook, mirror } = args;
    if (webhook) declareWebhook(name, { agent: "argo-cd", namespace, mirror, secret: webhook.secret, exposed }, within);

    const rootCa = k8s.core.v1.ConfigMap.get(`${name}-root-ca`, "kube-system/kube-root-ca.crt", parent);
    settled.set(this, {
      name,
      namespace,
      authority: rootCa.data.apply((data) => data?.["ca.crt"] ?? ""),
      ready,
      clusters: new Map(),
      gitPorts: new Set(),
      gitServers,
      access: new Map(),
    });
    this.namespace = pulumi.output(namespace);
    this.registerOutputs({ namespace: this.namespace });
  }

  /** Declares one app's objects: its Application, its project, its namespace as a cluster, its rights. */
  deliver(name: string, delivery: Delivery, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("ArgoCd.deliver was called on an object that is no ArgoCd component");
    return deliverWithArgoCd(this, facts, name, delivery, opts);
  }
}

/** What a delivery must know of the Argo CD that makes it. */
export interface ArgoCdFacts {
  readonly name: string;
  readonly namespace: string;
  /** Certificate authority of the API server, PEM. */
  readonly authority: pulumi.Output<string>;
  /** What must run before an app is declared, and still run when it is deleted: it has a finalizer. */
  readonly ready: pulumi.Resource[];
  /** The Secrets that make clusters of namespaces, by namespace. */
  readonly clusters: Map<string, k8s.core.v1.Secret>;
  /** Ports of Git servers that are open. */
  readonly gitPorts: Set<number>;
  readonly gitServers: GitServers;
  /** How each repository is read, by its URL, and the Secret that says so. */
  readonly access: Map<
    string,
    { readonly given: CredentialsArgs | undefined; readonly secret: k8s.core.v1.Secret | undefined }
  >;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<ArgoCd, ArgoCdFacts>();

/** What a stack says of Argo CD; the rest follows from its cluster. */
export interface ArgoCdSettings
  extends Omit<ArgoCdArgs, "mirror" | "audiences" | "webhook">,
    Pick<ArgoCdOptions, "transform"> {
  /** A receiver of push events, which has the apps refreshed at once. Default: none; they are each three minutes. */
  webhook?: AgentWebhookSettings;
}

/** Argo CD as the layer of the slot `agent`. With a host for push events it needs the slots `ingress` and `certificates` too. */
export function argoCd(
  settings: ArgoCdSettings & { webhook: { host: string } },
): Layer<"agent", "cluster" | "ingress" | "certificates">;
export function argoCd(settings?: ArgoCdSettings): Layer<"agent", "cluster">;
export function argoCd({ webhook, transform, ...rest }: ArgoCdSettings = {}) {
  return layer({
    slot: "agent",
    implementation: "argo-cd",
    version: version("argocd"),
    ...webhookLayer(webhook),
    build: (name, { cluster, ingress, certificates }, opts) =>
      new ArgoCd(
        name,
        {
          ...rest,
          ...(cluster.mirror && { mirror: cluster.mirror }),
          audiences: [...cluster.audiences],
          ...(webhook && { webhook: webhookArgs(webhook) }),
        },
        {
          ...opts,
          ...(transform && { transform }),
          ...(webhook?.host !== undefined && { webhook: { host: webhook.host, ingress, certificates } }),
        },
      ),
  });
}
