// How do requests reach apps? Traefik, told by Ingress objects.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ValuesTransform, VendorChartArgs } from "../chart.ts";
import { choiceProblems, versionOf } from "../chart-choice.ts";
import { charts } from "../chart-versions.ts";
import { refuse } from "../problems.ts";
import type { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { labels } from "../workload.ts";
import { exposedBy } from "./exposed.ts";
import type { Exposure, Ingress } from "./ingress.ts";
import { runTraefikChart } from "./traefik-chart.ts";
import { type DeploymentTransform, runTraefik, settingsProblems, toHttps } from "./traefik-program.ts";

/** Arguments of {@link Traefik}. */
export interface TraefikArgs {
  /** Namespace. Default: "traefik". */
  namespace?: string;
  /** Name of the IngressClass, for manifests that bring an Ingress themselves. Default: "traefik". */
  ingressClass?: string;
  /** `single` or `ha`: three replicas. Default: `single`. */
  size?: Size;
  /** Type of the Service: "LoadBalancer", "NodePort" or "ClusterIP". Default: "LoadBalancer". */
  serviceType?: string;
  /** Annotations of the Service, by which clouds are told what kind of load balancer. Default: none. */
  serviceAnnotations?: Record<string, string>;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** Runs Traefik by the vendor's chart; `{}` is the pinned one, from the vendor. Default: objects of this library. */
  chart?: VendorChartArgs;
}

/** What code may change about {@link Traefik}. */
export interface TraefikOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the Deployment, where it is this library's. */
    deployment?: DeploymentTransform;
    /** Changes the values of the vendor's chart, where `chart` asks for it. */
    values?: ValuesTransform;
  };
}

/**
 * Traefik as an ingress controller: an exposed host is an Ingress in the app's namespace.
 *
 * @example
 * const ingress = new Traefik("ingress", { size: "ha" });
 * ingress.expose("shop", { name: "shop", namespace: "shop", host: "shop.example.com", service: "web", port: 80 }, {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Traefik extends pulumi.ComponentResource implements Ingress {
  /** Name of the IngressClass. */
  readonly ingressClass: pulumi.Output<string>;

  constructor(name: string, args: TraefikArgs = {}, opts: TraefikOptions = {}) {
    const { transform, ...options } = opts;
    refuse(`Traefik ${name}`, [
      ...settingsProblems(args),
      ...choiceProblems(args.chart, {
        objects: { "transform.deployment": transform?.deployment },
        chart: { "transform.values": transform?.values },
      }),
    ]);
    super("plumbline:index:Traefik", name, { ...args }, options);
    const { namespace = "traefik", ingressClass = "traefik", serviceAnnotations, chart, ...settings } = args;
    const parent = { parent: this };
    const kind = new k8s.networking.v1.IngressClass(
      name,
      {
        metadata: { name: ingressClass, labels: labels("traefik") },
        spec: { controller: "traefik.io/ingress-controller" },
      },
      parent,
    );
    const wanted = { ...settings, namespace, ...(serviceAnnotations && { annotations: serviceAnnotations }) };
    const deployment = chart
      ? runTraefikChart(
          name,
          wanted,
          { from: chart, providers: { kubernetesIngress: { enabled: true, ingressClass } }, after: [kind] },
          transform?.values,
          parent,
        )
      : runTraefik(
          name,
          wanted,
          {
            configuration: {
              kubernetesIngress: { ingressClass, ingressEndpoint: { publishedService: `${namespace}/traefik` } },
            },
            rules: [
              { apiGroups: [""], resources: ["services", "nodes"], verbs: ["get", "list", "watch"] },
              // Certificates lie in the namespaces of those who are exposed.
              { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
              { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
              {
                apiGroups: ["networking.k8s.io"],
                resources: ["ingresses", "ingressclasses"],
                verbs: ["get", "list", "watch"],
              },
              { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["update"] },
            ],
            after: [kind],
          },
          transform?.deployment,
          parent,
        );
    settled.set(this, { ingressClass, deployment });
    this.ingressClass = pulumi.output(ingressClass);
    this.registerOutputs({ ingressClass: this.ingressClass });
  }

  /** Declares the Ingress of a Service, and beside one with a certificate that which redirects HTTP. */
  expose(name: string, exposure: Exposure, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("Traefik.expose was called on an object that is no Traefik component");
    const { certificate, ...plain } = exposure;
    const { ingressClass } = facts;
    const after = pulumi.mergeOptions(opts, { dependsOn: facts.deployment });
    const at = (entryPoint: string) => ({ "traefik.ingress.kubernetes.io/router.entrypoints": entryPoint });
    if (!certificate) return exposedBy(name, plain, { ingressClass, annotations: at("web") }, after);
    const redirecting = { ...at("web"), "traefik.ingress.kubernetes.io/router.middlewares": toHttps };
    const redirect = { ...plain, name: `${exposure.name}-redirect` };
    exposedBy(`${name}-redirect`, redirect, { ingressClass, annotations: redirecting }, after);
    return exposedBy(name, exposure, { ingressClass, annotations: at("websecure") }, after);
  }
}

interface Facts {
  readonly ingressClass: string;
  readonly deployment: pulumi.Resource;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<Traefik, Facts>();

/** Traefik with Ingress objects, as the layer of the slot `ingress`. */
export const traefik = (
  args: Omit<TraefikArgs, "mirror"> & Pick<TraefikOptions, "transform"> = {},
): Layer<"ingress", "cluster"> =>
  layer({
    slot: "ingress",
    implementation: "traefik",
    ...versionOf(args.chart, charts.traefik, version("traefik")),
    needs: ["cluster"],
    reach: { service: "traefik", namespace: args.namespace ?? "traefik", port: 443, scheme: "https" },
    build: (name, { cluster }, opts) => {
      const { transform, ...rest } = args;
      return new Traefik(
        name,
        { ...rest, ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...opts, ...(transform && { transform }) },
      );
    },
  });
