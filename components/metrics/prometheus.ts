// How are figures kept and alerts sent? Prometheus with Alertmanager and node-exporter, found by plain discovery.
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type AlertArgs, nameProblems } from "../alerts.ts";
import { bytesOf, duration, seriesLabels, size, url, volume } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { layerNamespace } from "../namespace.ts";
import { refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { version } from "../versions.ts";
import { interval, namespace as namespaceSchema } from "./check.ts";
import { defaultRules } from "./default-alerts.ts";
import type { Metrics } from "./metrics.ts";
import { nodeExporter } from "./node-exporter.ts";
import { openings, ports, rights } from "./prometheus-access.ts";
import { prometheusConfig } from "./prometheus-config.ts";
import {
  alertmanagerConfig,
  type GroupingArgs,
  groupingSchema,
  type ReceiverArgs,
  receiverSchema,
  secretsFolder,
  secretsOf,
} from "./receivers.ts";
import { alertSchema, type RecordingArgs, recordingSchema, ruleFile } from "./rules.ts";
import { declareSignals } from "./signals.ts";
import { stateful } from "./stateful.ts";

/** Somewhere else that keeps the same figures. */
export interface RemoteWriteArgs {
  /** URL that takes Prometheus' remote write: ".../api/v1/write". */
  url: string;
  /** AWS region, where requests are to be signed with the identity of the pod (Amazon Managed Prometheus). Default: unsigned. */
  region?: string;
}

/** Arguments of {@link Prometheus}. */
export interface PrometheusArgs {
  /** Namespace; that of node-exporter has "-nodes" behind it. Default: "monitoring". */
  namespace?: string;
  /** `single` or `ha`: two Prometheus that scrape the same, three Alertmanagers that tell each other. Default: `single`. */
  size?: Size;
  /** How long figures are kept, as a Prometheus duration. Default: "15d", Prometheus' own. */
  retention?: string;
  /** Volume of each Prometheus; four fifths of it are used, then the oldest figures go. Default: "20Gi". */
  storage?: string;
  /** StorageClass of the volumes. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
  /** How often everything is scraped and evaluated, as a Prometheus duration. Default: "30s". */
  interval?: string;
  /** Alerts besides those of the platform. Default: none. */
  alerts?: AlertArgs[];
  /** Series that are computed. Default: none. */
  recordings?: RecordingArgs[];
  /** Who is told of alerts. Default: nobody. */
  receivers?: ReceiverArgs[];
  /** How alerts are put together. Default: see its fields. */
  grouping?: GroupingArgs;
  /** Where figures are sent as well. Default: nowhere. */
  remoteWrite?: RemoteWriteArgs[];
  /** Labels by which other programs tell this Prometheus' figures from others': `{ cluster: "eu-1" }`. Default: none. */
  externalLabels?: Record<string, string>;
  /** Whether kubelets must show a certificate of the cluster's authority; on EKS and kind theirs are self-signed. Default: true. */
  verifyKubelets?: boolean;
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

/** What code may change about {@link Prometheus}. */
export interface PrometheusOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the StatefulSet of Prometheus. */
    prometheus?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
    /** Changes the StatefulSet of Alertmanager. */
    alertmanager?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
  };
}

const schema = z.strictObject({
  namespace: namespaceSchema.exactOptional(),
  size: size.exactOptional(),
  retention: duration.exactOptional(),
  storage: volume.exactOptional(),
  storageClass: z.string().min(1, "name of a StorageClass").exactOptional(),
  interval: interval.exactOptional(),
  alerts: z.array(alertSchema).exactOptional(),
  recordings: z.array(recordingSchema).exactOptional(),
  receivers: z.array(receiverSchema).exactOptional(),
  grouping: groupingSchema.exactOptional(),
  remoteWrite: z.array(z.strictObject({ url, region: z.string().exactOptional() })).exactOptional(),
  externalLabels: seriesLabels.exactOptional(),
  verifyKubelets: z.boolean("true or false").exactOptional(),
  mirror: z.string().exactOptional(),
});

/**
 * Prometheus, Alertmanager and node-exporter.
 *
 * Every pod that carries `prometheus.io/scrape: "true"` is scraped, and the kubelets, cAdvisor and API servers as well.
 *
 * @example
 * new Prometheus("metrics", { alerts: [{ name: "ShopFails", expr: 'rate(shop_errors_total[5m]) > 0', severity: "critical", summary: "Orders fail" }] });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Prometheus extends pulumi.ComponentResource implements Metrics {
  /** URL of Prometheus' query API. */
  readonly queryUrl: pulumi.Output<string>;
  /** URL of Alertmanager's API. */
  readonly alertsUrl: pulumi.Output<string>;

  constructor(name: string, args: PrometheusArgs = {}, opts: PrometheusOptions = {}) {
    const { transform, ...options } = opts;
    const { alerts = [], recordings = [], receivers = [] } = args;
    const taken = defaultRules.flatMap((group) => (group.alerts ?? []).map((alert) => alert.name));
    const problems = problemsOf(schema.safeParse(args), args, "");
    refuse(`Prometheus ${name}`, [
      ...problems,
      ...(problems.length === 0
        ? [
            ...nameProblems(
              "alerts",
              alerts.map((each) => each.name),
              taken,
            ),
            ...nameProblems(
              "receivers",
              receivers.map((each) => each.name),
            ),
          ]
        : []),
    ]);
    super("plumbline:index:Prometheus", name, { ...args }, options);
    const { namespace = "monitoring", size: replicas = Size.Single, storage = "20Gi", storageClass, mirror } = args;
    const parent = { parent: this };
    const ha = replicas === Size.Ha;
    const home = layerNamespace(name, { namespace, slot: "metrics", keep: true }, parent);
    const within = { parent: this, dependsOn: home };
    const counts = { prometheus: ha ? 2 : 1, alertmanager: ha ? 3 : 1 };
    const granted = rights(name, namespace, within);
    const opened = openings(name, namespace, receivers, within);
    declareSignals(name, parent);
    nodeExporter(name, { namespace: `${namespace}-nodes`, mirror }, parent);

    const peers = (program: "prometheus" | "alertmanager", port: number): string[] =>
      [...Array(counts[program]).keys()].map(
        (index) => `${program}-${index}.${program}-peers.${namespace}.svc:${port}`,
      );
    stateful(
      name,
      {
        program: "prometheus",
        namespace,
        mirror,
        replicas: counts.prometheus,
        args: [
          "--config.file=/etc/prometheus/config/prometheus.yaml",
          "--storage.tsdb.path=/data",
          `--storage.tsdb.retention.time=${args.retention ?? "15d"}`,
          `--storage.tsdb.retention.size=${Math.floor(((bytesOf(storage) ?? 0) * 0.8) / 2 ** 20)}MB`,
          "--storage.tsdb.wal-compression",
          "--log.format=json",
        ],
        env: [{ name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
        files: {
          "prometheus.yaml": prometheusConfig(args, peers("alertmanager", ports.alertmanager)),
          "rules.yaml": ruleFile([...defaultRules, { name: "stack", alerts, recordings }]),
        },
        port: ports.prometheus,
        serviceAccountName: granted.prometheus.metadata.name,
        usesToken: true,
        storage: { size: storage, className: storageClass },
        resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { cpu: "2", memory: "2Gi" } },
        patience: 600,
        transform: transform?.prometheus,
      },
      within,
      [granted.bound, ...opened],
    );
    const secrets = secretsOf(receivers);
    stateful(
      name,
      {
        program: "alertmanager",
        namespace,
        mirror,
        replicas: counts.alertmanager,
        args: [
          "--config.file=/etc/alertmanager/config/alertmanager.yaml",
          "--storage.path=/data",
          `--cluster.listen-address=${ha ? `0.0.0.0:${ports.alertmanagerPeers}` : ""}`,
          ...(ha ? peers("alertmanager", ports.alertmanagerPeers).map((peer) => `--cluster.peer=${peer}`) : []),
          "--log.format=json",
        ],
        files: { "alertmanager.yaml": alertmanagerConfig(receivers, args.grouping) },
        port: ports.alertmanager,
        ...(ha && {
          peerPorts: ["TCP", "UDP"].map((protocol) => ({
            name: `peers-${protocol.toLowerCase()}`,
            containerPort: ports.alertmanagerPeers,
            protocol,
          })),
        }),
        serviceAccountName: granted.alertmanager.metadata.name,
        usesToken: false,
        storage: { size: "1Gi", className: storageClass },
        resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
        // A Secret that is missing keeps one receiver from hearing, not all of them.
        volumes: secrets.map((secret, index) => ({
          name: `secret-${index}`,
          secret: { secretName: secret, optional: true, defaultMode: 0o440 },
        })),
        volumeMounts: secrets.map((secret, index) => ({
          name: `secret-${index}`,
          mountPath: `${secretsFolder}/${secret}`,
          readOnly: true,
        })),
        patience: 60,
        transform: transform?.alertmanager,
      },
      within,
      opened,
    );
    this.queryUrl = pulumi.output(`http://prometheus.${namespace}.svc.cluster.local:${ports.prometheus}`);
    this.alertsUrl = pulumi.output(`http://alertmanager.${namespace}.svc.cluster.local:${ports.alertmanager}`);
    this.registerOutputs({ queryUrl: this.queryUrl, alertsUrl: this.alertsUrl });
  }
}

const day = "2027-12-31";

/** Prometheus as the layer of the slot `metrics`. */
export const prometheus = (
  args: Omit<PrometheusArgs, "mirror"> & Pick<PrometheusOptions, "transform"> = {},
): Layer<"metrics", "cluster"> =>
  layer({
    slot: "metrics",
    implementation: "prometheus",
    version: version("prometheus"),
    needs: ["cluster"],
    reach: { service: "prometheus", namespace: args.namespace ?? "monitoring", port: ports.prometheus, scheme: "http" },
    exemptions: ["host-namespaces", "host-ports", "volume-types"].map((rule) => ({
      rule,
      object: { kind: "DaemonSet", namespace: `${args.namespace ?? "monitoring"}-nodes`, name: "node-exporter" },
      reason: "the figures of a node are read from its processes, network and file systems",
      approver: "plumbline's maintainers",
      expires: day,
    })),
    build: (name, { cluster }, opts) => {
      const { transform, ...rest } = args;
      return new Prometheus(
        name,
        {
          ...(cluster.retainingClass && { storageClass: cluster.retainingClass }),
          ...rest,
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        { ...opts, ...(transform && { transform }) },
      );
    },
  });
