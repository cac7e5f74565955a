// How are lines kept where Loki is not wanted? VictoriaLogs: one program, one volume, every field of a line is indexed.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { bytesOf, duration, objectName, secondsOf, volume } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { layerNamespace, slotLabel } from "../namespace.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { image, version } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import type { Logs } from "./logs.ts";

/** Arguments of {@link VictoriaLogs}. */
export interface VictoriaLogsArgs {
  /** Namespace. Default: "victoria-logs". */
  namespace?: string;
  /** How long lines are kept, as a Prometheus duration of at least "1d"; an older line is refused. Default: "31d". */
  retention?: string;
  /** Volume; four fifths of it are used, then the oldest days go, whatever `retention` says. Default: "10Gi". */
  storage?: string;
  /** StorageClass of the volume. Default: the one of the cluster that keeps volumes, else its default. */
  storageClass?: string;
  /** Registry that holds the image under its own repository name. Default: the vendor's. */
  mirror?: string;
}

/** What code may change about {@link VictoriaLogs}. */
export interface VictoriaLogsOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the StatefulSet. */
    statefulSet?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
  };
}

const schema = z.strictObject({
  namespace: objectName.exactOptional(),
  retention: duration
    .refine((text) => (secondsOf(text) ?? 86_400) >= 86_400, 'at least "1d": VictoriaLogs keeps whole days')
    .exactOptional(),
  storage: volume.exactOptional(),
  storageClass: z.string().min(1, "name of a StorageClass").exactOptional(),
  mirror: z.string().exactOptional(),
});

const program = "victoria-logs";
const port = 9428;
const folder = "/data";
// Its tenants are numbers; it refuses names where it speaks as Loki does.
const onlyTenant = "0";

/**
 * VictoriaLogs, asked in LogsQL: `namespace:=shop commit:=4f1c…`.
 *
 * It acknowledges a line up to three seconds before that is on the volume: killed without a warning, it loses what it took in
 * these. A restart that it is told of loses nothing.
 *
 * @example
 * new VictoriaLogs("logs", { retention: "90d", storage: "50Gi" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class VictoriaLogs extends pulumi.ComponentResource {
  /** URL that takes OTLP over HTTP, without `/v1/logs`. */
  readonly pushUrl: pulumi.Output<string>;
  /** URL of the query API, without `/select/logsql`. */
  readonly queryUrl: pulumi.Output<string>;

  constructor(name: string, args: VictoriaLogsArgs = {}, opts: VictoriaLogsOptions = {}) {
    const { transform, ...options } = opts;
    refuse(`VictoriaLogs ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:VictoriaLogs", name, { ...args }, options);
    const { namespace = program } = args;
    const home = layerNamespace(name, { namespace, slot: "logs", keep: true }, { parent: this });
    const within = { parent: this, dependsOn: home };
    const set = statefulSet(name, { ...args, namespace }, within);
    new k8s.apps.v1.StatefulSet(`${name}-${program}`, transform?.statefulSet?.(set) ?? set, {
      ...within,
      dependsOn: opening(name, namespace, within),
    });
    const address = `http://${program}.${namespace}.svc.cluster.local:${port}`;
    this.pushUrl = pulumi.output(`${address}/insert/opentelemetry`);
    this.queryUrl = pulumi.output(address);
    this.registerOutputs({ pushUrl: this.pushUrl, queryUrl: this.queryUrl });
  }
}

/** What the program is started with. */
export const victoriaLogsFlags = ({
  retention = "31d",
  storage = "10Gi",
}: Pick<VictoriaLogsArgs, "retention" | "storage">): string[] => [
  `-httpListenAddr=:${port}`,
  `-storageDataPath=${folder}`,
  `-retentionPeriod=${retention}`,
  `-retention.maxDiskSpaceUsageBytes=${Math.floor((bytesOf(storage) ?? 0) * 0.8)}`,
  // The least that it knows: what it holds in memory is gone with it.
  "-inmemoryDataFlushInterval=1s",
  "-loggerFormat=json",
];

const statefulSet = (
  name: string,
  args: VictoriaLogsArgs & { namespace: string },
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.StatefulSetArgs => {
  const { namespace, storage = "10Gi", storageClass, mirror } = args;
  const metadata = { name: program, namespace, labels: labels(program) };
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-${program}`,
    { metadata, automountServiceAccountToken: false },
    opts,
  );
  const service = new k8s.core.v1.Service(
    `${name}-${program}`,
    {
      metadata,
      spec: { selector: labels(program), ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }] },
    },
    opts,
  );
  return {
    metadata,
    spec: {
      serviceName: service.metadata.name,
      replicas: 1,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: labels(program) },
      template: {
        metadata: {
          labels: labels(program),
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(port) },
        },
        spec: {
          serviceAccountName: account.metadata.name,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          // It writes down what it holds in memory.
          terminationGracePeriodSeconds: 60,
          securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
          containers: [
            {
              name: program,
              image: image(program, mirror),
              imagePullPolicy: "IfNotPresent",
              args: victoriaLogsFlags(args),
              ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
              startupProbe: { ...httpProbe("/health", "http"), periodSeconds: 2, failureThreshold: 300 },
              readinessProbe: { ...httpProbe("/health", "http"), periodSeconds: 5 },
              livenessProbe: { ...httpProbe("/health", "http"), failureThreshold: 6 },
              // It bounds itself to six tenths of the memory that it is given.
              resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "2", memory: "1Gi" } },
              securityContext: restrictedContainer,
              volumeMounts: [{ name: "data", mountPath: folder }],
            },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: labels(program) },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(storageClass && { storageClassName: storageClass }),
            resources: { requests: { storage } },
          },
        },
      ],
    },
  };
};

const opening = (name: string, namespace: string, opts: pulumi.ComponentResourceOptions): pulumi.Resource =>
  new k8s.networking.v1.NetworkPolicy(
    `${name}-${program}`,
    {
      metadata: { name: program, namespace },
      spec: {
        podSelector: { matchLabels: labels(program) },
        policyTypes: ["Ingress"],
        ingress: [
          {
            from: [
              {
                namespaceSelector: {
                  matchExpressions: [
                    { key: slotLabel, operator: "In", values: ["collector", "dashboards", "ingress", "metrics"] },
                  ],
                },
              },
            ],
            ports: [{ protocol: "TCP", port }],
          },
        ],
      },
    },
    opts,
  );

/** VictoriaLogs as the layer of the slot `logs`. All lines are of one tenant. */
export const victoriaLogs = (
  args: Omit<VictoriaLogsArgs, "mirror"> & Pick<VictoriaLogsOptions, "transform"> = {},
): Layer<"logs", "cluster"> =>
  layer({
    slot: "logs",
    implementation: program,
    version: version(program),
    needs: ["cluster"],
    reach: { service: program, namespace: args.namespace ?? program, port, scheme: "http" },
    build: (name, { cluster }, opts): Logs => {
      const { transform, ...rest } = args;
      const { pushUrl, queryUrl } = new VictoriaLogs(
        name,
        {
          ...(cluster.retainingClass && { storageClass: cluster.retainingClass }),
          ...rest,
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        { ...opts, ...(transform && { transform }) },
      );
      return { pushUrl, queryUrl, language: "logsql", tenant: onlyTenant, tenants: [] };
    },
  });
