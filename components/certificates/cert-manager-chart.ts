// How is cert-manager run by its vendor's chart? With the same names, ports and duties as the objects of cert-manager-programs.ts.
import type * as pulumi from "@pulumi/pulumi";
import { type ChartValues, installChart, type ValuesTransform, type VendorChartArgs } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { layerNamespace } from "../namespace.ts";
import { Size } from "../size.ts";
import { restrictedContainer } from "../workload.ts";
import {
  accounts,
  loops,
  type Name,
  openPorts,
  type Programs,
  replicas,
  webhookPort,
} from "./cert-manager-programs.ts";

/** What differs between two cert-managers of the chart. */
export interface ChartSettings extends Pick<Programs, "namespace" | "mirror" | "size" | "acme"> {
  readonly from: VendorChartArgs;
  readonly transform: ValuesTransform | undefined;
}

/** The chart calls its objects after the release where that has the chart's own name. */
const release = "cert-manager";
const names = Object.keys(accounts) as Name[];

/** Labels of the pods of a program; those of its objects in `name` are not the names of the programs. */
const pods = (name: Name) => ({ "app.kubernetes.io/instance": release, "app.kubernetes.io/component": name });

// Nothing passes the webhook before the cainjector has told the API server whom to trust.
const trusted = { "pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}" };

const valuesOf = ({ namespace, mirror, size, acme }: ChartSettings): ChartValues => {
  const ha = size === Size.Ha;
  const image = (program: string) =>
    mirror && { image: { repository: `${mirror.replace(/\/+$/, "")}/jetstack/cert-manager-${program}` } };
  const program = (name: Name): ChartValues => ({
    ...image(name),
    replicaCount: ha ? replicas[name] : 1,
    strategy: ha ? { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } : { type: "Recreate" },
    ...(ha && {
      podDisruptionBudget: { enabled: true, minAvailable: 1 },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: pods(name) },
        },
      ],
    }),
    enableServiceLinks: false,
    resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "1", memory: "512Mi" } },
    // Its images name a user by number.
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containerSecurityContext: restrictedContainer,
  });
  return {
    global: { leaderElection: { namespace }, priorityClassName: "system-cluster-critical" },
    // Those of the chart's own release.
    crds: { enabled: true, keep: true },
    ...program("controller"),
    extraArgs: [`--controllers=${loops(acme)}`],
    // For what an authority of the cluster's own signed, as `flags` of cert-manager-programs.ts says.
    enableCertificateOwnerRef: !acme,
    webhook: {
      ...program("webhook"),
      securePort: webhookPort,
      timeoutSeconds: 10,
      mutatingWebhookConfigurationAnnotations: trusted,
      validatingWebhookConfigurationAnnotations: trusted,
    },
    cainjector: program("cainjector"),
    ...(mirror && { acmesolver: image("acmesolver") }),
    // Annotations by which pods are scraped, and no object of an operator that may not be there.
    prometheus: { enabled: true, servicemonitor: { enabled: false }, podmonitor: { enabled: false } },
    // A hook, which is not run.
    startupapicheck: { enabled: false },
  };
};

/** Installs the vendor's chart. @returns what stands once the webhook answers */
export const runCertManagerChart = (
  name: string,
  settings: ChartSettings,
  parent: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const { from, namespace, acme, transform } = settings;
  const home = layerNamespace(name, { namespace, slot: "certificates" }, parent);
  const after = names.map((program) =>
    openPorts(`${name}-${program}`, program, { namespace, acme, pods: pods(program) }, { ...parent, dependsOn: home }),
  );
  return installChart(
    name,
    {
      chart: charts["cert-manager"],
      from,
      namespace,
      slot: "certificates",
      home,
      release,
      values: valuesOf(settings),
      transform,
      after,
    },
    parent,
  );
};
