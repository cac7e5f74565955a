// How is Flux run? source-controller fetches Git, kustomize-controller applies it: two Deployments with the least rights.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { usualAudiences } from "../cluster/cluster.ts";
import { readDefinitions } from "../definitions.ts";
import { layerNamespace } from "../namespace.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { labels } from "../workload.ts";
import type { Agent, Delivery } from "./agent.ts";
import { fluxDefinitions } from "./crds.ts";
import { controller } from "./flux-controller.ts";
import type { FluxAccess } from "./flux-credentials.ts";
import { deliverWithFlux } from "./flux-delivery.ts";
import { helmController } from "./flux-helm.ts";
import { kustomizeControllerRules, notifierRules, sourceControllerRules } from "./flux-rights.ts";
import { openToRemotes } from "./remote-ports.ts";
import { type AgentWebhookArgs, declareWebhook, hidden, type WebhookExposure } from "./webhook.ts";
import { type AgentWebhookSettings, webhookArgs, webhookLayer } from "./webhook-settings.ts";

/** Arguments of {@link Flux}. */
export interface FluxArgs {
  /** Namespace of the controllers and of the Git sources. Default: "flux-system". */
  namespace?: string;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** Audiences of ServiceAccount tokens; the API server must accept one. Default: those of EKS, kubeadm, kind and k3s. */
  audiences?: string[];
  /**
   * TCP ports to which the controllers reach for what lies outside of an app's repository: bases of kustomizations, and charts that a
   * chart depends on. Default: none, and kustomize-controller fetches no bases.
   */
  remotePorts?: number[];
  /** Folder with the CustomResourceDefinitions of this Flux. Default: `PLUMBLINE_CRDS`, then `crds/` of this package. */
  definitions?: string;
  /** A receiver of push events, which has the sources fetched at once. Default: none; the sources are asked each minute. */
  webhook?: AgentWebhookArgs;
}

/** What code may change about {@link Flux}. */
export interface FluxOptions extends pulumi.ComponentResourceOptions {
  /** Where the receiver of push events is reached from outside the cluster. Default: nowhere. */
  webhook?: WebhookExposure;
  transform?: {
    /** Changes the Deployment of source-controller. */
    sourceController?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
    /** Changes the Deployment of kustomize-controller. */
    kustomizeController?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
    /** Changes the Deployment of helm-controller, which is there where an app is a chart. */
    helmController?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
  };
}

/**
 * Flux without its other controllers: it follows Git repositories and applies what they hold. helm-controller is there
 * where an app is a chart.
 *
 * Nothing here may impersonate: kustomize-controller asks the API server for a short-lived token of the deployer of the
 * app's own namespace, which it may do for those ServiceAccounts alone.
 *
 * @example
 * const agent = new Flux("agent", {});
 * new App("shop", { repository: "https://git.example.com/shop.git", path: "deploy" }, { agent });
 */
export class Flux extends pulumi.ComponentResource implements Agent {
  /** Namespace of the controllers and of the Git sources. */
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: FluxArgs = {}, opts: FluxOptions = {}) {
    const { transform, webhook: exposed, ...options } = opts;
    super("plumbline:index:Flux", name, hidden(args), options);
    const parent = { parent: this };
    const namespace = args.namespace ?? "flux-system";
    const mirror = args.mirror;
    const remotePorts = args.remotePorts ?? [];

    const home = layerNamespace(name, { namespace, slot: "agent" }, parent);
    const within = { parent: this, dependsOn: home };
    const definitions = readDefinitions(fluxDefinitions, args.definitions).map(
      ({ apiVersion: _, kind: __, ...definition }) =>
        new k8s.apiextensions.v1.CustomResourceDefinition(`${name}-${definition.metadata.name}`, definition, parent),
    );

    const source = controller(
      name,
      {
        program: "source-controller",
        namespace,
        mirror,
        rules: sourceControllerRules,
        flags: [
          "--storage-path=/data",
          `--storage-adv-addr=source-controller.${namespace}.svc.cluster.local.`,
          // Its own quarter of an hour would let a source wait as long whose server is back, and one that is to go hang.
          "--max-retry-delay=1m",
          // A server that does not answer holds one of them for a minute: of the two that are its default, two such servers take both.
          "--concurrent=10",
        ],
        ports: [{ name: "http", containerPort: 9090 }],
        // Artifacts are served once the controller leads; the API tells kustomize-controller of them only then.
        readiness: { path: "/", port: "http" },
        folders: { data: "/data", tmp: "/tmp" },
        ingress: [
          {
            from: ["kustomize-controller", "helm-controller"].map((program) => ({
              podSelector: { matchLabels: labels(program) },
            })),
            ports: [{ protocol: "TCP", port: 9090 }],
          },
        ],
        after: definitions,
        transform: transform?.sourceController,
      },
      within,
    );
    new k8s.core.v1.Service(
      `${name}-source-controller`,
      {
        metadata: { name: "source-controller", namespace, labels: labels("source-controller") },
        spec: {
          selector: labels("source-controller"),
          ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
        },
      },
      within,
    );
    const kustomize = controller(
      name,
      {
        program: "kustomize-controller",
        namespace,
        mirror,
        rules: kustomizeControllerRules,
        flags: [
          // ObjectLevelWorkloadIdentity: tokens of the apps' deployers. DisableConfigWatchers: without it, the controller
          // lists every Secret of the cluster. CancelHealthCheckOnNewRevision: a mending commit need not wait for the
          // time-out of the broken one.
          "--feature-gates=ObjectLevelWorkloadIdentity=true,DisableConfigWatchers=true,CancelHealthCheckOnNewRevision=true",
          ...(remotePorts.length > 0 ? [] : ["--no-remote-bases"]),
          "--requeue-dependency=5s",
          // An app takes some ten requests, so the 50 a second that are the default would be five apps a second.
          "--kube-api-qps=500",
          "--kube-api-burst=1000",
        ],
        ports: [],
        readiness: { path: "/readyz", port: "healthz" },
        folders: { tmp: "/tmp" },
        ingress: [],
        egress: [
          {
            to: [{ podSelector: { matchLabels: labels("source-controller") } }],
            ports: [{ protocol: "TCP", port: 9090 }],
          },
        ],
        after: definitions,
        transform: transform?.kustomizeController,
      },
      within,
    );
    const programs = ["source-controller", "kustomize-controller"];
    openToRemotes(name, { namespace, programs, ports: remotePorts }, within);
    notifierRules(name, namespace, within);
    if (args.webhook)
      declareWebhook(name, { agent: "flux", namespace, mirror, secret: args.webhook.secret, exposed }, within);

    const rootCa = k8s.core.v1.ConfigMap.get(`${name}-root-ca`, "kube-system/kube-root-ca.crt", parent);
    settled.set(this, {
      name,
      namespace,
      audiences: args.audiences ?? usualAudiences,
      authority: rootCa.data.apply((data) => data?.["ca.crt"] ?? ""),
      ready: [source, kustomize],
      sources: new Map(),
      access: new Map(),
      kinds: new Map(),
      helmController: once(() => helmController(name, { namespace, mirror, ...args, transform }, within)),
    });
    this.namespace = pulumi.output(namespace);
    this.registerOutputs({ namespace: this.namespace });
  }

  /** Declares one app's objects: its Git source (shared by apps of one branch), its Kustomization, its rights. */
  deliver(name: string, delivery: Delivery, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("Flux.deliver was called on an object that is no Flux component");
    return deliverWithFlux(this, facts, name, delivery, opts);
  }
}

/** What a delivery must know of the Flux that makes it. */
export interface FluxFacts {
  readonly name: string;
  readonly namespace: string;
  readonly audiences: readonly string[];
  /** Certificate authority of the API server, PEM. */
  readonly authority: pulumi.Output<string>;
  /** What must run before a source or an app is declared, and still run when they are deleted: they have finalizers. */
  readonly ready: pulumi.Resource[];
  /** Git sources by repository and branch. */
  readonly sources: Map<string, k8s.apiextensions.CustomResource>;
  /** How each repository is read, by its URL. */
  readonly access: Map<string, FluxAccess>;
  /** Which apps are charts, by "namespace/name", and what each depends on. */
  readonly kinds: Map<string, { readonly chart: boolean; readonly dependsOn: readonly string[] }>;
  /** The controller of charts, declared when the first one is delivered: other platforms don't pay for it. */
  readonly helmController: () => pulumi.Resource;
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<Flux, FluxFacts>();

/** What a stack says of Flux; the rest follows from its cluster. */
export interface FluxSettings
  extends Omit<FluxArgs, "mirror" | "audiences" | "webhook">,
    Pick<FluxOptions, "transform"> {
  /** A receiver of push events, which has the sources fetched at once. Default: none; the sources are asked each minute. */
  webhook?: AgentWebhookSettings;
}

/** Flux as the layer of the slot `agent`. With a host for push events it needs the slots `ingress` and `certificates` too. */
export function flux(
  settings: FluxSettings & { webhook: { host: string } },
): Layer<"agent", "cluster" | "ingress" | "certificates">;
export function flux(settings?: FluxSettings): Layer<"agent", "cluster">;
export function flux({ webhook, transform, ...rest }: FluxSettings = {}) {
  return layer({
    slot: "agent",
    implementation: "flux",
    version: version("kustomize-controller"),
    remoteBases: (rest.remotePorts ?? []).length > 0,
    ...webhookLayer(webhook),
    build: (name, { cluster, ingress, certificates }, opts) =>
      new Flux(
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
