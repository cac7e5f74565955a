// How are lines kept and asked for? Loki: one program on a volume, or programs that write, read and tidy up on a bucket.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type AlertArgs, alertOf, nameProblems } from "../alerts.ts";
import { duration, objectName, secondsOf, size, url, volume } from "../check.ts";
import { afterIdentity, type Cloud, cloudOf, type OfCluster, ofCluster } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { logql } from "../logql.ts";
import { layerNamespace, slotLabel } from "../namespace.ts";
import { type Problem, refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import type { Logs } from "./logs.ts";
import { lokiConfig, ports, ruleFiles, tenantsFile } from "./loki-config.ts";
import { type LokiTransform, lokiPrograms, member } from "./loki-programs.ts";
import { bucketSchema, type LokiBucketArgs, storeOf } from "./loki-storage.ts";
import { platformTenant, tenantFields, tenantProblems } from "./tenants.ts";

/** Namespaces whose lines are kept apart. */
export interface LokiTenantArgs {
  /** Name, by which they are asked for in the header `X-Scope-OrgID`. */
  name: string;
  /** Namespaces of Kubernetes; each is of one tenant. */
  namespaces: string[];
  /** How long their lines are kept, as a Prometheus duration of at least "1d". Default: as long as all others. */
  retention?: string;
}

/** An alert over lines, in LogQL. */
export interface LogAlertArgs extends AlertArgs {
  /** Tenant whose lines are looked at. Default: "platform". */
  tenant?: string;
}

/** Arguments of {@link Loki}. */
export interface LokiArgs {
  /** Namespace. Default: "logs". */
  namespace?: string;
  /**
   * `single`: one program. `ha`: what upstream calls simple scalable, three programs that write, two that read and two that
   * tidy up and evaluate alerts, each line thrice; it wants a `bucket`. Default: `single`.
   */
  size?: Size;
  /** How long lines are kept, as a Prometheus duration of at least "1d". Default: "31d". */
  retention?: string;
  /**
   * Volume of each program that keeps something. Without a bucket all lines are on it, and only time makes room: an alert of
   * the platform fires before it is full. Default: "10Gi".
   */
  storage?: string;
  /** StorageClass of the volumes. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
  /** Where lines are kept instead of on the volume. Default: nowhere else. */
  bucket?: LokiBucketArgs;
  /** Namespaces whose lines are kept apart. All others are of the tenant "platform". Default: none. */
  tenants?: LokiTenantArgs[];
  /** Megabytes that a tenant may bring in a second, twice as much for a moment; collectors hold back what is more. Default: 16. */
  ingestionRate?: number;
  /** Alerts over lines. Default: none. */
  alerts?: LogAlertArgs[];
  /** URL of the Alertmanager that alerts are sent to, without `/api`. Default: none; alerts are refused then. */
  alertmanagerUrl?: pulumi.Input<string>;
  /** Registry that holds the image under its own repository name. Default: the vendor's. */
  mirror?: string;
}

/** What code may change about {@link Loki}. */
export interface LokiOptions extends pulumi.ComponentResourceOptions {
  /** Changes the programs. */
  transform?: LokiTransform;
}

const kept = duration.refine((text) => (secondsOf(text) ?? 86_400) >= 86_400, 'at least "1d": Loki keeps whole days');

const schema = z.strictObject({
  namespace: objectName.exactOptional(),
  size: size.exactOptional(),
  retention: kept.exactOptional(),
  storage: volume.exactOptional(),
  storageClass: z.string().min(1, "name of a StorageClass").exactOptional(),
  bucket: bucketSchema.exactOptional(),
  tenants: z.array(z.strictObject({ ...tenantFields, retention: kept.exactOptional() })).exactOptional(),
  ingestionRate: z.number("megabytes per second").min(1, "1 or more megabytes per second").exactOptional(),
  alerts: z.array(alertOf(logql).extend({ tenant: z.string().exactOptional() })).exactOptional(),
  alertmanagerUrl: z.union([url, z.custom<pulumi.Output<string>>(pulumi.Output.isInstance)], "a URL").exactOptional(),
  mirror: z.string().exactOptional(),
});

const contradictions = ({ size: wanted, bucket, tenants = [], alerts = [], alertmanagerUrl }: LokiArgs): Problem[] => {
  const names = [platformTenant, ...tenants.map(({ name }) => name)];
  return [
    ...tenantProblems(tenants),
    ...nameProblems(
      "alerts",
      alerts.map(({ name }) => name),
    ),
    ...alerts.flatMap(({ tenant }, index) =>
      tenant === undefined || names.includes(tenant)
        ? []
        : [{ field: `alerts.${index}.tenant`, value: tenant, allowed: `one of the tenants ${names.join(", ")}` }],
    ),
    ...(wanted === Size.Ha && !bucket
      ? [{ field: "bucket", value: bucket, allowed: "a bucket: programs on several nodes share no volume" }]
      : []),
    ...(alerts.length > 0 && alertmanagerUrl === undefined
      ? [{ field: "alertmanagerUrl", value: undefined, allowed: "the Alertmanager that alerts are sent to" }]
      : []),
  ];
};

/**
 * Loki with retention, deletion, alerts over lines and tenants.
 *
 * Lines are found by `namespace`, `pod`, `container` and `app`; their commit and whatever else is known stands beside them.
 * Every request names its tenant in the header `X-Scope-OrgID`, a query several: `platform|shop`.
 *
 * @example
 * new Loki("logs", { retention: "14d", tenants: [{ name: "shop", namespaces: ["shop", "shop-db"], retention: "90d" }] });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Loki extends pulumi.ComponentResource {
  /** URL that takes OTLP over HTTP, without `/v1/logs`. */
  readonly pushUrl: pulumi.Output<string>;
  /** URL of the query API, without `/loki/api`. */
  readonly queryUrl: pulumi.Output<string>;

  constructor(name: string, args: LokiArgs = {}, opts: LokiOptions = {}) {
    const { transform, ...options } = opts;
    const problems = problemsOf(schema.safeParse(args), args, "");
    refuse(`Loki ${name}`, problems.length > 0 ? problems : contradictions(args));
    super("plumbline:index:Loki", name, { ...args }, options);
    const { namespace = "logs", bucket, tenants = [], alerts = [], alertmanagerUrl } = args;
    const scalable = args.size === Size.Ha;
    const store = storeOf(bucket);
    const home = layerNamespace(name, { namespace, slot: "logs", keep: true }, { parent: this });
    const within = { parent: this, dependsOn: home };
    const alertsTo = pulumi.output(alertmanagerUrl);
    const opened = openings(name, { namespace, alertsTo, port: store.port }, within);
    lokiPrograms(
      name,
      {
        namespace,
        mirror: args.mirror,
        config: alertsTo.apply((to) =>
          lokiConfig({
            namespace,
            scalable,
            store,
            retention: args.retention ?? "31d",
            ingestionRate: args.ingestionRate ?? 16,
            alertmanagerUrl: to,
          }),
        ),
        tenants: tenantsFile(tenants),
        rules: ruleFiles(alerts),
        store,
        volume: { size: args.storage ?? "10Gi", className: args.storageClass },
        transform,
      },
      scalable,
      within,
      opened,
    );
    const service = (program: string) => `http://${program}.${namespace}.svc.cluster.local:${ports.http}`;
    this.pushUrl = pulumi.output(`${service(scalable ? "loki-write" : "loki")}/otlp`);
    this.queryUrl = pulumi.output(service(scalable ? "loki-read" : "loki"));
    this.registerOutputs({ pushUrl: this.pushUrl, queryUrl: this.queryUrl });
  }
}

/** Who may reach Loki, and whom it may reach beside the API server's port, at which buckets are too. */
const openings = (
  name: string,
  facts: { namespace: string; alertsTo: pulumi.Output<string | undefined>; port: number | undefined },
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const { namespace, alertsTo, port } = facts;
  const tcp = (each: number) => ({ protocol: "TCP", port: each });
  const peers = { podSelector: { matchLabels: member } };
  const between = [ports.http, ports.grpc, ports.memberlist].map(tcp);
  const slots = ["collector", "dashboards", "ingress", "metrics"];
  return [
    new k8s.networking.v1.NetworkPolicy(
      `${name}-loki`,
      {
        metadata: { name: "loki", namespace },
        spec: {
          podSelector: { matchLabels: member },
          policyTypes: ["Ingress", "Egress"],
          ingress: [
            {
              from: [{ namespaceSelector: { matchExpressions: [{ key: slotLabel, operator: "In", values: slots }] } }],
              ports: [tcp(ports.http)],
            },
            { from: [peers], ports: between },
          ],
          egress: alertsTo.apply((to) => [
            { to: [peers], ports: between },
            ...(port ? [{ ports: [tcp(port)] }] : []),
            ...(to ? [{ ports: [tcp(Number(new URL(to).port) || (to.startsWith("https:") ? 443 : 80))] }] : []),
          ]),
        },
      },
      opts,
    ),
  ];
};

const bucketAt = (cloud: Cloud, namespace = "logs") => {
  const { name: bucket, readWrite } = cloud.bucket("loki");
  return {
    bucket: { s3: { bucket, region: cloud.region } },
    identity: cloud.identity({ namespace, serviceAccount: "loki", grants: [readWrite] }),
  };
};

/** Loki as the layer of the slot `logs`; alerts go to the Alertmanager of the slot `metrics`, where there is one. */
export const loki = (
  args: Omit<LokiArgs, "mirror" | "alertmanagerUrl" | "bucket"> & { bucket?: LokiBucketArgs | OfCluster } & Pick<
      LokiOptions,
      "transform"
    > = {},
): Layer<"logs", "cluster", "metrics"> =>
  layer({
    slot: "logs",
    implementation: "loki",
    version: version("loki"),
    ...(args.bucket === ofCluster && { asks: ["bucket"] as const }),
    needs: ["cluster"],
    uses: ["metrics"],
    reach: {
      service: args.size === Size.Ha ? "loki-read" : "loki",
      namespace: args.namespace ?? "logs",
      port: ports.http,
      scheme: "http",
    },
    build: (name, { cluster, metrics }, opts): Logs => {
      const { transform, bucket, ...rest } = args;
      const made = bucket === ofCluster ? bucketAt(cloudOf(cluster), args.namespace) : undefined;
      const kept = bucket === ofCluster ? made?.bucket : bucket;
      const { pushUrl, queryUrl } = new Loki(
        name,
        {
          ...(cluster.retainingClass && { storageClass: cluster.retainingClass }),
          ...rest,
          ...(kept && { bucket: kept }),
          ...(cluster.mirror && { mirror: cluster.mirror }),
          ...(metrics?.alertsUrl && { alertmanagerUrl: metrics.alertsUrl }),
        },
        { ...(made ? afterIdentity(opts, made.identity) : opts), ...(transform && { transform }) },
      );
      return { pushUrl, queryUrl, language: "logql", tenant: platformTenant, tenants: args.tenants ?? [] };
    },
  });
