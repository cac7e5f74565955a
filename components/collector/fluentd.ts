// How do lines of all pods reach whoever keeps them, where Fluentd is at home? The vendor's chart, to Loki, with files on each node.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { installChart, type ValuesTransform, type VendorChartArgs, vendorChart } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { bytesOf } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { labels } from "../workload.ts";
import type { Collector } from "./collector.ts";
import { fluentdFiles, lokiPlugin, metricsPort, stateFolder } from "./fluentd-config.ts";
import { type CollectedTenantArgs, collectorFields, tenantProblems } from "./otel-collector.ts";

/** Arguments of {@link Fluentd}. */
export interface FluentdArgs {
  /** URL of Loki, without `/loki/api/v1/push`. It has to be known in a preview. */
  lokiUrl: pulumi.Input<string>;
  /** Namespace; its own lines are not collected. Default: "fluentd". */
  namespace?: string;
  /** Tenant of every namespace that no other one names. Default: "platform". */
  tenant?: string;
  /** Tenants with namespaces of their own. Default: none. */
  tenants?: CollectedTenantArgs[];
  /**
   * How an entry begins, as a regular expression; a line that begins otherwise goes on with the one before it.
   * Default: anything but white space and Java's "Caused by".
   */
  firstLine?: string;
  /** How much each node holds for each tenant while nobody takes it, on its disk. Default: "1Gi". */
  buffer?: string;
  /** Folder of the node for what is held and how far each file is read. Default: "/var/lib/plumbline/fluentd". */
  folder?: string;
  /**
   * An image that has the plug-in for Loki already, as `<repository>:<tag>`. Default: the image of the chart, into which each
   * pod installs the plug-in at its start: it then needs the way to RubyGems.
   */
  image?: string;
  /** Registry that holds the image of the chart under its own repository name. Default: the vendor's. */
  mirror?: string;
  /** The vendor's chart: another release, or another place that holds it. Default: the pinned one, from the vendor. */
  chart?: VendorChartArgs;
}

/** What code may change about {@link Fluentd}. */
export interface FluentdOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the values of the chart. */
    values?: ValuesTransform;
  };
}

const { pushUrl, ...fields } = collectorFields;
const schema = z.strictObject({
  ...fields,
  lokiUrl: pushUrl,
  image: z
    .string()
    .regex(
      /^[a-z0-9.:-]+(\/[a-z0-9._-]+)+:[A-Za-z0-9._-]+$/,
      "a reference with a tag: registry.example.com/fluentd:1.0",
    )
    .exactOptional(),
  chart: vendorChart.exactOptional(),
});

const program = "fluentd";

/**
 * Fluentd, by the vendor's chart: lines of all pods of all nodes go to Loki, with namespace, pod, container, app, node and commit.
 *
 * What Loki does not take is held in files of the node, without end; when these are full, Fluentd stops reading. A line that
 * was read and not yet written to such a file is lost with a kill: {@link OtelCollector} does not lose that one.
 *
 * @example
 * new Fluentd("collector", { lokiUrl: "http://loki.logs.svc.cluster.local:3100" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Fluentd extends pulumi.ComponentResource {
  /** Name of the DaemonSet, as `<namespace>/<name>`. */
  readonly daemonSet: pulumi.Output<string>;

  constructor(name: string, args: FluentdArgs, opts: FluentdOptions = {}) {
    const { transform, ...options } = opts;
    const problems = problemsOf(schema.safeParse(args), args, "");
    refuse(`Fluentd ${name}`, problems.length > 0 ? problems : tenantProblems(args));
    super("plumbline:index:Fluentd", name, { ...args }, options);
    const { namespace = program, tenant = "platform", tenants = [], buffer = "1Gi", firstLine } = args;
    const lokiUrl = pulumi.output(args.lokiUrl);
    const files = lokiUrl.apply((url) =>
      fluentdFiles({
        namespace,
        lokiUrl: url.replace(/\/+$/, ""),
        tenant,
        tenants,
        firstLine: firstLine ?? "(?!Caused by:)\\S",
        buffer: bytesOf(buffer) ?? 0,
      }),
    );
    const parent = { parent: this };
    const chart = installChart(
      name,
      {
        chart: charts.fluentd,
        from: args.chart,
        namespace,
        slot: "collector",
        level: "privileged",
        release: program,
        values: valuesOf(args, files),
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
              from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
              ports: [{ protocol: "TCP", port: metricsPort }],
            },
          ],
          egress: lokiUrl.apply((url) => {
            const { port, protocol } = new URL(url);
            return [{ ports: [{ protocol: "TCP", port: Number(port) || (protocol === "https:" ? 443 : 80) }] }];
          }),
        },
      },
      { ...parent, dependsOn: chart },
    );
    this.daemonSet = pulumi.output(`${namespace}/${program}`);
    this.registerOutputs({ daemonSet: this.daemonSet });
  }
}

const imageOf = ({ image, mirror }: FluentdArgs) => {
  const [, repository, tag] = /^(.*):([^:/]*)$/.exec(image ?? "") ?? [];
  if (repository && tag) return { image: { repository, tag } };
  const own = mirror && `${mirror.replace(/\/+$/, "")}/fluent/fluentd-kubernetes-daemonset`;
  return { plugins: [lokiPlugin], ...(own && { image: { repository: own } }) };
};

const valuesOf = (args: FluentdArgs, files: pulumi.Output<Record<string, string>>) => ({
  fullnameOverride: program,
  kind: "DaemonSet",
  ...imageOf(args),
  rbac: { create: true },
  podSecurityPolicy: { enabled: false },
  // A text, which is what the chart compares it with.
  dashboards: { enabled: "false" },
  // Root, for the files of the pods and the folder on the node are root's; without any capability.
  podSecurityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  // The plug-in is installed before there is an answer.
  livenessProbe: { initialDelaySeconds: 180 },
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "512Mi" } },
  // Every node's pods have lines, whatever keeps pods away from it.
  tolerations: [{ operator: "Exists" }],
  priorityClassName: "system-node-critical",
  podAnnotations: {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": String(metricsPort),
    "plumbline.dev/configuration": files.apply((each) =>
      createHash("sha256").update(JSON.stringify(each)).digest("hex").slice(0, 16),
    ),
  },
  env: [
    { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    // By which the image's filter asks for the pods of its own node alone.
    { name: "K8S_NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  ],
  mountVarLogDirectory: false,
  mountDockerContainersDirectory: false,
  volumes: [
    { name: "logs", hostPath: { path: "/var/log" } },
    // On the node, not with the pod: an update replaces the pod, and the next one goes on from here.
    { name: "state", hostPath: { path: args.folder ?? "/var/lib/plumbline/fluentd", type: "DirectoryOrCreate" } },
  ],
  volumeMounts: [
    { name: "logs", mountPath: "/var/log", readOnly: true },
    { name: "state", mountPath: stateFolder },
  ],
  // The configuration above has its own source of figures.
  configMapConfigs: [],
  fileConfigs: files,
});

/** Fluentd by the vendor's chart, as the layer of the slot `collector`; lines go to the slot `logs`, each to its tenant. */
export const fluentd = (
  args: Omit<FluentdArgs, "mirror" | "lokiUrl" | "tenant" | "tenants"> & Pick<FluentdOptions, "transform"> = {},
): Layer<"collector", "cluster" | "logs"> =>
  layer({
    slot: "collector",
    implementation: program,
    version: charts.fluentd.appVersion,
    needs: ["cluster", "logs"],
    exemptions: ["volume-types", "non-root", "non-root-user"].map((rule) => ({
      rule,
      object: { kind: "DaemonSet", namespace: args.namespace ?? program, name: program },
      reason: "the files that it reads and the folder that outlives its pod are the node's, and root's",
      approver: "plumbline's maintainers",
      expires: "2027-12-31",
    })),
    build: (name, { cluster, logs }, opts): Collector => {
      const { transform, ...rest } = args;
      const agent = new Fluentd(
        name,
        {
          ...rest,
          // The slot says where OTLP is taken; Loki's own way in is beside it, in VictoriaLogs too.
          lokiUrl: logs.pushUrl.apply((url) => url.replace(/\/(otlp|opentelemetry)\/?$/, "")),
          tenant: logs.tenant,
          tenants: logs.tenants.map((each) => ({ name: each.name, namespaces: [...each.namespaces] })),
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        { ...opts, ...(transform && { transform }) },
      );
      return { agent };
    },
  });
