// How do lines of all pods reach whoever keeps them? The OpenTelemetry Collector on each node, with a queue on its disk.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { bytesOf, objectName, url } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { layerNamespace } from "../namespace.ts";
import { type Problem, refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { image, version } from "../versions.ts";
import { httpProbe, labels, restrictedContainer } from "../workload.ts";
import type { Collector } from "./collector.ts";
import { collectorConfig, folders, ports } from "./otel-collector-config.ts";

/** Namespaces whose lines go to a tenant of their own. */
export interface CollectedTenantArgs {
  /** Value of the header `X-Scope-OrgID`. */
  name: string;
  /** Namespaces; each is of one tenant. */
  namespaces: string[];
}

/** Arguments of {@link OtelCollector}. */
export interface OtelCollectorArgs {
  /** URL that takes OTLP over HTTP, without `/v1/logs`. */
  pushUrl: pulumi.Input<string>;
  /** Namespace; its own lines are not collected. Default: "logs-collector". */
  namespace?: string;
  /** Tenant of every namespace that no other one names. Default: "platform". */
  tenant?: string;
  /** Tenants with namespaces of their own. Default: none. */
  tenants?: CollectedTenantArgs[];
  /**
   * How an entry begins, as a regular expression (RE2); a line that begins otherwise goes on with the one before it.
   * Default: anything but white space and Java's "Caused by".
   */
  firstLine?: string;
  /** How much each node holds for each tenant while nobody takes it, on its disk. Default: "1Gi". */
  buffer?: string;
  /** Folder of the node for what is held and how far each file is read. Default: "/var/lib/plumbline/otel-collector". */
  folder?: string;
  /** Registry that holds the image under its own repository name. Default: the vendor's. */
  mirror?: string;
}

/** What code may change about {@link OtelCollector}. */
export interface OtelCollectorOptions extends pulumi.ComponentResourceOptions {
  transform?: {
    /** Changes the DaemonSet. */
    daemonSet?: (args: k8s.apps.v1.DaemonSetArgs) => k8s.apps.v1.DaemonSetArgs;
  };
}

const readable = (pattern: string): boolean => {
  try {
    return new RegExp(pattern).source.length > 0;
  } catch {
    return false;
  }
};

const tenant = z.string().regex(/^[a-zA-Z0-9_.-]{1,150}$/, "1 to 150 of a-z, A-Z, 0-9, -, _ and .");
/** Schema of the arguments that every collector has. */
export const collectorFields = {
  pushUrl: z.union([url, z.custom<pulumi.Output<string>>(pulumi.Output.isInstance)], "a URL"),
  namespace: objectName.exactOptional(),
  tenant: tenant.exactOptional(),
  tenants: z
    .array(z.strictObject({ name: tenant, namespaces: z.array(objectName).min(1, "one namespace or more") }))
    .exactOptional(),
  firstLine: z
    .string()
    .refine(
      (text) => readable(text) && !/^\^|\(\?[=!<]/.test(text),
      "a regular expression of RE2, which knows no looking ahead or back; it stands at the beginning without ^",
    )
    .exactOptional(),
  buffer: z
    .string()
    .refine((text) => (bytesOf(text) ?? 0) >= 2 ** 24, 'a quantity of at least "16Mi", with the unit Mi, Gi or Ti')
    .exactOptional(),
  folder: z
    .string()
    .regex(/^(\/(?!\.\.?(\/|$))[^/\s]+)+$/, "an absolute path")
    .exactOptional(),
  mirror: z.string().exactOptional(),
};
const schema = z.strictObject(collectorFields);

/** Problems of tenants that share a name or a namespace. */
export const tenantProblems = ({
  tenant: all = "platform",
  tenants = [],
}: Pick<OtelCollectorArgs, "tenant" | "tenants">): Problem[] => {
  const names = [all, ...tenants.map(({ name }) => name)];
  const owned = tenants.flatMap(({ namespaces }) => namespaces);
  return tenants.flatMap(({ name, namespaces }, index) => [
    ...(names.indexOf(name) <= index
      ? [{ field: `tenants.${index}.name`, value: name, allowed: "a name that no other tenant has" }]
      : []),
    ...namespaces
      .filter((namespace) => owned.indexOf(namespace) !== owned.lastIndexOf(namespace))
      .map((value) => ({ field: `tenants.${index}.namespaces`, value, allowed: "a namespace of one tenant alone" })),
  ]);
};

const program = "otel-collector";
// "Cau" stands for "Caused by:": RE2 cannot exclude a word otherwise.
const anyFirstLine = "[^\\sC]|C[^a]|Ca[^u]";

/**
 * The OpenTelemetry Collector: lines of all pods of all nodes, with namespace, pod, container, app, node and commit.
 *
 * The commit is what a line of JSON says in its field `commit`, else the annotation `plumbline.dev/commit` of the pod.
 *
 * @example
 * new OtelCollector("collector", { pushUrl: new Loki("logs").pushUrl });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class OtelCollector extends pulumi.ComponentResource {
  /** Name of the DaemonSet, as `<namespace>/<name>`. */
  readonly daemonSet: pulumi.Output<string>;

  constructor(name: string, args: OtelCollectorArgs, opts: OtelCollectorOptions = {}) {
    const { transform, ...options } = opts;
    const problems = problemsOf(schema.safeParse(args), args, "");
    refuse(`OtelCollector ${name}`, problems.length > 0 ? problems : tenantProblems(args));
    super("plumbline:index:OtelCollector", name, { ...args }, options);
    const { namespace = "logs-collector", tenant = "platform", tenants = [], buffer = "1Gi" } = args;
    const pushUrl = pulumi.output(args.pushUrl);
    const home = layerNamespace(name, { namespace, slot: "collector", level: "privileged" }, { parent: this });
    const within = { parent: this, dependsOn: home };
    const config = pushUrl.apply((to) =>
      collectorConfig({
        namespace,
        pushUrl: to,
        tenant,
        tenants,
        firstLine: args.firstLine ?? anyFirstLine,
        buffer: bytesOf(buffer) ?? 0,
      }),
    );
    const first = [rights(name, namespace, within), opening(name, namespace, pushUrl, within)];
    const set = daemonSet(name, { ...args, namespace, config }, within);
    const collector = new k8s.apps.v1.DaemonSet(`${name}-${program}`, transform?.daemonSet?.(set) ?? set, {
      ...within,
      dependsOn: first,
    });
    this.daemonSet = pulumi.interpolate`${collector.metadata.namespace}/${collector.metadata.name}`;
    this.registerOutputs({ daemonSet: this.daemonSet });
  }
}

const daemonSet = (
  name: string,
  declared: Pick<OtelCollectorArgs, "folder" | "mirror"> & { namespace: string; config: pulumi.Output<string> },
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.DaemonSetArgs => {
  const { namespace, mirror, folder = "/var/lib/plumbline/otel-collector", config } = declared;
  const metadata = { name: program, namespace, labels: labels(program) };
  const configuration = new k8s.core.v1.ConfigMap(
    `${name}-${program}`,
    { metadata, data: { "collector.yaml": config } },
    opts,
  );
  return {
    metadata,
    spec: {
      selector: { matchLabels: labels(program) },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%" } },
      template: {
        metadata: {
          labels: labels(program),
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(ports.metrics),
            "plumbline.dev/configuration": config.apply((text) =>
              createHash("sha256").update(text).digest("hex").slice(0, 16),
            ),
          },
        },
        spec: {
          serviceAccountName: program,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          priorityClassName: "system-node-critical",
          // Every node's pods have lines, whatever keeps pods away from it.
          tolerations: [{ operator: "Exists" }],
          terminationGracePeriodSeconds: 30,
          // Root, for the files of the pods and the folder on the node are root's; without any capability, so that it
          // reads what root owns and no more. Another user would need DAC_READ_SEARCH, which reads every file of all.
          securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: program,
              image: image(program, mirror),
              imagePullPolicy: "IfNotPresent",
              args: [
                "--config=file:/etc/otelcol/collector.yaml",
                // Lines go from the file to the queue in one step: held in memory between, a kill would lose them.
                "--feature-gates=stanza.synchronousLogEmitter",
              ],
              env: [
                { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
                { name: "GOMEMLIMIT", value: "220MiB" },
              ],
              ports: [
                { name: "health", containerPort: ports.health, protocol: "TCP" },
                { name: "metrics", containerPort: ports.metrics, protocol: "TCP" },
              ],
              startupProbe: { ...httpProbe("/", "health"), periodSeconds: 2, failureThreshold: 60 },
              readinessProbe: { ...httpProbe("/", "health"), periodSeconds: 5 },
              livenessProbe: httpProbe("/", "health"),
              resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "1", memory: "256Mi" } },
              securityContext: restrictedContainer,
              volumeMounts: [
                { name: "configuration", mountPath: "/etc/otelcol", readOnly: true },
                { name: "logs", mountPath: folders.logs, readOnly: true },
                { name: "state", mountPath: folders.state },
              ],
            },
          ],
          volumes: [
            { name: "configuration", configMap: { name: configuration.metadata.name } },
            { name: "logs", hostPath: { path: folders.logs } },
            // On the node, not with the pod: an update replaces the pod, and the next one goes on from here.
            { name: "state", hostPath: { path: folder, type: "DirectoryOrCreate" } },
          ],
        },
      },
    },
  };
};

/** It reads pods, for their labels and annotations, and nothing else. */
const rights = (name: string, namespace: string, opts: pulumi.ComponentResourceOptions): pulumi.Resource => {
  new k8s.core.v1.ServiceAccount(
    `${name}-${program}`,
    { metadata: { name: program, namespace, labels: labels(program) }, automountServiceAccountToken: false },
    opts,
  );
  const metadata = { name: `plumbline:${program}`, labels: labels(program) };
  new k8s.rbac.v1.ClusterRole(
    `${name}-${program}`,
    { metadata, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }] },
    opts,
  );
  return new k8s.rbac.v1.ClusterRoleBinding(
    `${name}-${program}`,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name: program, namespace }],
    },
    opts,
  );
};

const opening = (
  name: string,
  namespace: string,
  pushUrl: pulumi.Output<string>,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource =>
  new k8s.networking.v1.NetworkPolicy(
    `${name}-${program}`,
    {
      metadata: { name: program, namespace },
      spec: {
        podSelector: { matchLabels: labels(program) },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
            ports: [{ protocol: "TCP", port: ports.metrics }],
          },
        ],
        egress: pushUrl.apply((to) => {
          const { port, protocol } = new URL(to);
          return [{ ports: [{ protocol: "TCP", port: Number(port) || (protocol === "https:" ? 443 : 80) }] }];
        }),
      },
    },
    opts,
  );

/** The OpenTelemetry Collector as the layer of the slot `collector`; lines go to the slot `logs`, each to its tenant. */
export const otelCollector = (
  args: Omit<OtelCollectorArgs, "mirror" | "pushUrl" | "tenant" | "tenants"> &
    Pick<OtelCollectorOptions, "transform"> = {},
): Layer<"collector", "cluster" | "logs"> =>
  layer({
    slot: "collector",
    implementation: program,
    version: version(program),
    needs: ["cluster", "logs"],
    exemptions: ["volume-types", "non-root", "non-root-user"].map((rule) => ({
      rule,
      object: { kind: "DaemonSet", namespace: args.namespace ?? "logs-collector", name: program },
      reason: "the files that it reads and the folder that outlives its pod are the node's, and root's",
      approver: "plumbline's maintainers",
      expires: "2027-12-31",
    })),
    build: (name, { cluster, logs }, opts): Collector => {
      const { transform, ...rest } = args;
      const { pushUrl, tenant, tenants } = logs;
      const collector = new OtelCollector(
        name,
        {
          ...rest,
          pushUrl,
          tenant,
          tenants: tenants.map((each) => ({ name: each.name, namespaces: [...each.namespaces] })),
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        { ...opts, ...(transform && { transform }) },
      );
      return { agent: collector };
    },
  });
