// Which values does the chart of External Secrets get? Three programs, no store for the whole cluster, nothing that pushes.
import type { ChartValues } from "../chart.ts";
import { labels } from "../workload.ts";

/** Name of the program, of its namespace, and of what its objects are labelled with. */
export const program = "external-secrets";
/** Ports of the pods. */
export const ports = { metrics: 8080, webhook: 10250 };

/** What differs between installations. */
export interface ExternalSecretsSettings {
  readonly namespace: string;
  readonly ha: boolean;
  readonly identity: Record<string, string> | undefined;
  readonly mirror: string | undefined;
}

/** Values of the chart. */
export const externalSecretsValues = ({ namespace, ha, identity, mirror }: ExternalSecretsSettings): ChartValues => {
  const image = mirror && { image: { repository: `${mirror.replace(/\/+$/, "")}/external-secrets/external-secrets` } };
  const each = (part: string, memory: string) => ({
    ...image,
    replicaCount: ha ? 2 : 1,
    resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { cpu: "1", memory } },
    podAnnotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(ports.metrics) },
    priorityClassName: "system-cluster-critical",
    ...(ha && {
      podDisruptionBudget: { enabled: true, minAvailable: 1 },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: labels(part) },
        },
      ],
    }),
  });
  return {
    fullnameOverride: namespace,
    ...each(program, "512Mi"),
    leaderElect: ha,
    livenessProbe: { enabled: true },
    ...(identity && { serviceAccount: { annotations: identity } }),
    // An app gets its own store. One for the cluster could be named from every namespace.
    processClusterStore: false,
    processClusterExternalSecret: false,
    processClusterGenerator: false,
    processClusterPushSecret: false,
    processPushSecret: false,
    crds: {
      createClusterSecretStore: false,
      createClusterExternalSecret: false,
      createClusterGenerator: false,
      createClusterPushSecret: false,
      createPushSecret: false,
    },
    // Otherwise everybody with the role `view` could read which secrets there are, and `edit` could ask for others.
    rbac: { aggregateToView: false, aggregateToEdit: false },
    webhook: { ...each(`${program}-webhook`, "256Mi"), port: ports.webhook },
    certController: each(`${program}-cert-controller`, "512Mi"),
  };
};
