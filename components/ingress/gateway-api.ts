// How do requests reach apps by the Gateway API? Traefik again, told by a Gateway and a route in each namespace.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ValuesTransform, VendorChartArgs } from "../chart.ts";
import { choiceProblems, versionOf } from "../chart-choice.ts";
import { charts } from "../chart-versions.ts";
import { readDefinitions } from "../definitions.ts";
import { refuse } from "../problems.ts";
import type { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { labels } from "../workload.ts";
import type { Exposure, Ingress } from "./ingress.ts";
import { runTraefikChart } from "./traefik-chart.ts";
import { type DeploymentTransform, ports, runTraefik, settingsProblems } from "./traefik-program.ts";

/** Arguments of {@link GatewayApi}. */
export interface GatewayApiArgs {
  /** Namespace. Default: "gateway-api". */
  namespace?: string;
  /** Name of the GatewayClass, for manifests that bring a Gateway themselves. Default: "traefik". */
  gatewayClass?: string;
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
  /** Folder with the definitions of the Gateway API. Default: `PLUMBLINE_CRDS`, then `crds/` of this package. */
  definitions?: string;
}

/** What code may change about {@link GatewayApi}. */
export interface GatewayApiOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the Deployment, where it is this library's. */
    deployment?: DeploymentTransform;
    /** Changes the values of the vendor's chart, where `chart` asks for it. */
    values?: ValuesTransform;
  };
}

const group = "gateway.networking.k8s.io";
const kinds = ["gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants", "backendtlspolicies"];

/** Names of the files with the definitions of the Gateway API. */
export const gatewayDefinitions = kinds.map((kind) => `${group}_${kind}`);

/**
 * The Gateway API on Traefik. An exposed host is a Gateway and an HTTPRoute in the app's own namespace, so that no
 * certificate is read across namespaces and no grant for that is needed.
 *
 * @example
 * const ingress = new GatewayApi("ingress");
 * ingress.expose("shop", { name: "shop", namespace: "shop", host: "shop.example.com", service: "web", port: 80 }, {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class GatewayApi extends pulumi.ComponentResource implements Ingress {
  /** Name of the GatewayClass. */
  readonly gatewayClass: pulumi.Output<string>;

  constructor(name: string, args: GatewayApiArgs = {}, opts: GatewayApiOptions = {}) {
    const { transform, ...options } = opts;
    refuse(`GatewayApi ${name}`, [
      ...settingsProblems(args),
      ...choiceProblems(args.chart, {
        objects: { "transform.deployment": transform?.deployment },
        chart: { "transform.values": transform?.values },
      }),
    ]);
    super("plumbline:index:GatewayApi", name, { ...args }, options);
    const {
      namespace = "gateway-api",
      gatewayClass = "traefik",
      serviceAnnotations,
      definitions: folder,
      chart,
      ...settings
    } = args;
    const parent = { parent: this };
    const definitions = readDefinitions(gatewayDefinitions, folder).map(
      ({ metadata, spec }) =>
        new k8s.apiextensions.v1.CustomResourceDefinition(
          `${name}-${metadata.name}`,
          // The API server takes kinds of this group only with the approval that upstream's file carries.
          { metadata, spec },
          parent,
        ),
    );
    const kind = new k8s.apiextensions.CustomResource(
      `${name}-class`,
      {
        apiVersion: `${group}/v1`,
        kind: "GatewayClass",
        metadata: { name: gatewayClass, labels: labels("traefik") },
        spec: { controllerName: "traefik.io/gateway-controller" },
      },
      { ...parent, dependsOn: definitions },
    );
    const wanted = { ...settings, namespace, ...(serviceAnnotations && { annotations: serviceAnnotations }) };
    const deployment = chart
      ? runTraefikChart(
          name,
          wanted,
          { from: chart, providers: { kubernetesGateway: { enabled: true } }, after: [kind] },
          transform?.values,
          parent,
        )
      : runTraefik(
          name,
          wanted,
          {
            configuration: {
              kubernetesGateway: { statusAddress: { service: { name: "traefik", namespace } } },
            },
            rules: [
              { apiGroups: [""], resources: ["namespaces"], verbs: ["list", "watch"] },
              // Certificates lie in the namespaces of those who are exposed.
              { apiGroups: [""], resources: ["services", "secrets", "configmaps"], verbs: ["get", "list", "watch"] },
              { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
              { apiGroups: [group], resources: kinds, verbs: ["get", "list", "watch"] },
              { apiGroups: [group], resources: kinds.map((each) => `${each}/status`), verbs: ["update"] },
            ],
            after: [kind],
          },
          transform?.deployment,
          parent,
        );
    settled.set(this, { gatewayClass, deployment });
    this.gatewayClass = pulumi.output(gatewayClass);
    this.registerOutputs({ gatewayClass: this.gatewayClass });
  }

  /** Declares the Gateway and the route of a Service, and beside one with a certificate that which redirects HTTP. */
  expose(name: string, exposure: Exposure, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("GatewayApi.expose was called on an object that is no GatewayApi component");
    const { namespace, host, service, port, certificate } = exposure;
    const after = pulumi.mergeOptions(opts, { dependsOn: facts.deployment });
    const object = (suffix: string, kind: string, spec: Record<string, unknown>, depends: pulumi.Resource[] = []) =>
      new k8s.apiextensions.CustomResource(
        `${name}${suffix}`,
        { apiVersion: `${group}/v1`, kind, metadata: { name: `${exposure.name}${suffix}`, namespace }, spec },
        pulumi.mergeOptions(after, { dependsOn: depends }),
      );
    const allowedRoutes = { namespaces: { from: "Same" } };
    const gateway = object("-gateway", "Gateway", {
      gatewayClassName: facts.gatewayClass,
      // Traefik takes a listener whose port is that of one of its entry points.
      listeners: [
        { name: "web", hostname: host, protocol: "HTTP", port: ports.web, allowedRoutes },
        ...(certificate
          ? [
              {
                name: "websecure",
                hostname: host,
                protocol: "HTTPS",
                port: ports.websecure,
                tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: certificate }] },
                allowedRoutes,
              },
            ]
          : []),
      ],
    });
    const parentRef = (sectionName: string) => [
      { group, kind: "Gateway", name: `${exposure.name}-gateway`, sectionName },
    ];
    const matches = [{ path: { type: "PathPrefix", value: "/" } }];
    const route = object(
      "",
      "HTTPRoute",
      {
        parentRefs: parentRef(certificate ? "websecure" : "web"),
        hostnames: [host],
        rules: [{ matches, backendRefs: [{ group: "", kind: "Service", name: service, port, weight: 1 }] }],
      },
      [gateway],
    );
    if (certificate) {
      object(
        "-redirect",
        "HTTPRoute",
        {
          parentRefs: parentRef("web"),
          hostnames: [host],
          rules: [
            {
              matches,
              filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }],
            },
          ],
        },
        [gateway],
      );
    }
    return route;
  }
}

interface Facts {
  readonly gatewayClass: string;
  readonly deployment: pulumi.Resource;
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<GatewayApi, Facts>();

/** The Gateway API on Traefik, as the layer of the slot `ingress`. */
export const gatewayApi = (
  args: Omit<GatewayApiArgs, "mirror"> & Pick<GatewayApiOptions, "transform"> = {},
): Layer<"ingress", "cluster"> =>
  layer({
    slot: "ingress",
    implementation: "gateway-api",
    ...versionOf(args.chart, charts.traefik, version("traefik")),
    needs: ["cluster"],
    reach: { service: "traefik", namespace: args.namespace ?? "gateway-api", port: 443, scheme: "https" },
    build: (name, { cluster }, opts) => {
      const { transform, ...rest } = args;
      return new GatewayApi(
        name,
        { ...rest, ...(cluster.mirror && { mirror: cluster.mirror }) },
        { ...opts, ...(transform && { transform }) },
      );
    },
  });
