// How do requests reach apps where ingress-nginx is still wanted? The vendor's chart, which is retired upstream.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type ChartValues, installChart, type ValuesTransform, type VendorChartArgs, vendorChart } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { objectName, size, words } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { labels } from "../workload.ts";
import { exposedBy } from "./exposed.ts";
import type { Exposure, Ingress } from "./ingress.ts";

/** Arguments of {@link IngressNginx}. */
export interface IngressNginxArgs {
  /** Namespace, and the name that the chart's objects begin with. Default: "ingress-nginx". */
  namespace?: string;
  /** Name of the IngressClass, for manifests that bring an Ingress themselves. Default: "nginx". */
  ingressClass?: string;
  /** `single` or `ha`: three replicas. Default: `single`. */
  size?: Size;
  /** Type of the Service: "LoadBalancer", "NodePort" or "ClusterIP". Default: "LoadBalancer". */
  serviceType?: string;
  /** Annotations of the Service, by which clouds are told what kind of load balancer. Default: none. */
  serviceAnnotations?: Record<string, string>;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** The vendor's chart: another release, or another place that holds it. Default: the pinned one, from the vendor. */
  chart?: VendorChartArgs;
}

/** What code may change about {@link IngressNginx}. */
export interface IngressNginxOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the values of the chart. */
    values?: ValuesTransform;
  };
}

const serviceTypes = { LoadBalancer: "LoadBalancer", NodePort: "NodePort", ClusterIP: "ClusterIP" };

const schema = z.strictObject({
  namespace: objectName.exactOptional(),
  ingressClass: objectName.exactOptional(),
  size: size.exactOptional(),
  serviceType: z
    .string()
    .refine((type) => Object.values(serviceTypes).includes(type), words(serviceTypes))
    .exactOptional(),
  serviceAnnotations: z.record(z.string(), z.string("a text")).exactOptional(),
  mirror: z.string().exactOptional(),
  chart: vendorChart.exactOptional(),
});

const program = "ingress-nginx";
/** Ports of the pod: of the two kinds of requests, and of health and figures. */
const ports = { http: 80, https: 443, metrics: 10254 };

/**
 * ingress-nginx as an ingress controller, by the vendor's chart.
 *
 * It is retired: release 1.15.1 of March 2026 is its last, and nobody mends what is found since. It is here for those who
 * come from it; {@link Traefik} and {@link GatewayApi} take its place with the same `expose`, and stand beside it meanwhile.
 *
 * Its admission webhook stays off: the chart makes the webhook's certificate in a hook, which is not run here, and the webhook
 * is where the worst hole of this program was (CVE-2025-1974).
 *
 * @example
 * const ingress = new IngressNginx("ingress", { serviceType: "ClusterIP" });
 * ingress.expose("shop", { name: "shop", namespace: "shop", host: "shop.example.com", service: "web", port: 80 }, {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class IngressNginx extends pulumi.ComponentResource implements Ingress {
  /** Name of the IngressClass. */
  readonly ingressClass: pulumi.Output<string>;

  constructor(name: string, args: IngressNginxArgs = {}, opts: IngressNginxOptions = {}) {
    const { transform, ...options } = opts;
    refuse(`IngressNginx ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:IngressNginx", name, { ...args }, options);
    const { namespace = program, ingressClass = "nginx" } = args;
    const parent = { parent: this };
    const chart = installChart(
      name,
      {
        chart: charts["ingress-nginx"],
        from: args.chart,
        namespace,
        slot: "ingress",
        release: namespace,
        values: valuesOf({ ...args, namespace, ingressClass }),
        transform: transform?.values,
      },
      parent,
    );
    new k8s.networking.v1.NetworkPolicy(
      name,
      {
        metadata: { name: program, namespace, labels: labels(program) },
        spec: {
          podSelector: { matchLabels: labels(program) },
          policyTypes: ["Ingress", "Egress"],
          ingress: [
            {
              ports: [
                { protocol: "TCP", port: ports.http },
                { protocol: "TCP", port: ports.https },
              ],
            },
            {
              from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
              ports: [{ protocol: "TCP", port: ports.metrics }],
            },
          ],
          // Whatever is exposed, at whatever port it listens.
          egress: [{ to: [{ namespaceSelector: {} }] }],
        },
      },
      { ...parent, dependsOn: chart },
    );
    settled.set(this, { ingressClass, chart });
    this.ingressClass = pulumi.output(ingressClass);
    this.registerOutputs({ ingressClass: this.ingressClass });
  }

  /** Declares the Ingress of a Service; with a certificate, HTTP is redirected. */
  expose(name: string, exposure: Exposure, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("IngressNginx.expose was called on an object that is no IngressNginx component");
    const annotations = { "nginx.ingress.kubernetes.io/ssl-redirect": String(exposure.certificate !== undefined) };
    const after = pulumi.mergeOptions(opts, { dependsOn: facts.chart });
    return exposedBy(name, exposure, { ingressClass: facts.ingressClass, annotations }, after);
  }
}

const valuesOf = (args: IngressNginxArgs & { namespace: string; ingressClass: string }): ChartValues => {
  const {
    namespace,
    ingressClass,
    size = Size.Single,
    serviceType = "LoadBalancer",
    serviceAnnotations,
    mirror,
  } = args;
  const ha = size === Size.Ha;
  return {
    fullnameOverride: namespace,
    ...(mirror && { global: { image: { registry: mirror.replace(/\/+$/, "") } } }),
    controller: {
      kind: "Deployment",
      replicaCount: ha ? 3 : 1,
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      ...(ha && {
        minAvailable: 2,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "kubernetes.io/hostname",
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: labels(program) },
          },
        ],
      }),
      containerPort: { http: ports.http, https: ports.https },
      // Two controllers with one value would both serve both classes.
      ingressClassResource: { name: ingressClass, controllerValue: `k8s.io/ingress-${ingressClass}` },
      ingressClass,
      // Whoever may write an Ingress could otherwise write into the program's configuration.
      allowSnippetAnnotations: false,
      enableAnnotationValidations: true,
      admissionWebhooks: { enabled: false },
      metrics: { enabled: true, port: ports.metrics, service: { enabled: false } },
      podAnnotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(ports.metrics) },
      podSecurityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      priorityClassName: "system-cluster-critical",
      resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "512Mi" } },
      service: {
        type: serviceType,
        // Keeps the address of the caller for the access log.
        ...(serviceType !== "ClusterIP" && { externalTrafficPolicy: "Local" }),
        ...(serviceAnnotations && { annotations: serviceAnnotations }),
      },
    },
  };
};

interface Facts {
  readonly ingressClass: string;
  readonly chart: pulumi.Resource;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<IngressNginx, Facts>();

/** ingress-nginx by the vendor's chart, as the layer of the slot `ingress`. */
export const ingressNginx = (
  args: Omit<IngressNginxArgs, "mirror"> & Pick<IngressNginxOptions, "transform"> = {},
): Layer<"ingress", "cluster"> =>
  layer({
    slot: "ingress",
    implementation: "ingress-nginx",
    version: charts["ingress-nginx"].appVersion,
    needs: ["cluster"],
    reach: {
      service: `${args.namespace ?? program}-controller`,
      namespace: args.namespace ?? program,
      port: 443,
      scheme: "https",
    },
    build: (name, { cluster }, opts) => {
      const { transform, ...rest } = args;
      return new IngressNginx(
        name,
        { ...rest, ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...opts, ...(transform && { transform }) },
      );
    },
  });
