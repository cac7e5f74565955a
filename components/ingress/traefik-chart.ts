// How is Traefik run by its vendor's chart? With the same names, ports and answers as the objects of traefik-program.ts.
import type * as pulumi from "@pulumi/pulumi";
import { dump } from "js-yaml";
import { type ChartValues, installChart, type ValuesTransform, type VendorChartArgs } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { Size } from "../size.ts";
import { labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { dynamicConfiguration, grace, openPorts, ports, program, type TraefikSettings } from "./traefik-program.ts";

/** What tells the chart's Traefik whom to expose. */
export interface ChartProvider {
  readonly from: VendorChartArgs;
  /** The part of the values that chooses the provider. */
  readonly providers: ChartValues;
  /** What must be there before the program starts. */
  readonly after: readonly pulumi.Resource[];
}

const transport = {
  lifeCycle: { requestAcceptGraceTimeout: "5s", graceTimeOut: `${grace - 10}s` },
};

const valuesOf = (settings: TraefikSettings, providers: ChartValues): ChartValues => {
  const { mirror, size = Size.Single, serviceType = "LoadBalancer", annotations } = settings;
  const ha = size === Size.Ha;
  return {
    ...(mirror && { image: { registry: mirror.replace(/\/+$/, ""), repository: "library/traefik" } }),
    deployment: { replicas: ha ? 3 : 1, terminationGracePeriodSeconds: grace },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    ...(ha && {
      podDisruptionBudget: { enabled: true, minAvailable: 2 },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: labels(program) },
        },
      ],
    }),
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    api: { dashboard: false },
    // Classes and Gateways are declared outside of the chart, as they are beside objects of ours.
    ingressClass: { enabled: false },
    gateway: { enabled: false },
    gatewayClass: { enabled: false },
    providers: {
      kubernetesCRD: { enabled: false },
      kubernetesIngress: { enabled: false },
      kubernetesGateway: { enabled: false },
      ...providers,
      file: { enabled: true, content: dump(dynamicConfiguration, { lineWidth: -1 }) },
    },
    logs: {
      general: { format: "json", level: "INFO" },
      access: { enabled: true, format: "json", fields: { headers: { defaultmode: "drop" } } },
    },
    // Health and figures at one port; of it the chart makes the annotations by which pods are scraped.
    metrics: { prometheus: { entryPoint: "traefik", addServicesLabels: true } },
    additionalArguments: ["--entryPoints.web.asDefault=true"],
    ports: {
      traefik: { port: ports.internal },
      web: { port: ports.web, exposedPort: 80, transport },
      websecure: { port: ports.websecure, exposedPort: 443, transport },
    },
    service: {
      type: serviceType,
      // Keeps the address of the caller for the access log.
      ...(serviceType !== "ClusterIP" && { spec: { externalTrafficPolicy: "Local" } }),
      ...(annotations && { annotations }),
    },
    readinessProbe: { periodSeconds: 2 },
    priorityClassName: "system-cluster-critical",
    resources: { requests: { cpu: "100m", memory: "96Mi" }, limits: { cpu: "2", memory: "512Mi" } },
    securityContext: restrictedContainer,
    podSecurityContext: restrictedPod,
  };
};

/** Installs the vendor's chart. @returns what stands once Traefik does */
export const runTraefikChart = (
  name: string,
  settings: TraefikSettings,
  { from, providers, after }: ChartProvider,
  transform: ValuesTransform | undefined,
  parent: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const chart = installChart(
    name,
    {
      chart: charts.traefik,
      from,
      namespace: settings.namespace,
      slot: "ingress",
      // The chart calls its objects after the release where that has the chart's own name.
      release: program,
      values: valuesOf(settings, providers),
      transform,
      // Kinds of Traefik's own, which nobody asks for here, and those of the Gateway API, which come from elsewhere.
      skipCrds: true,
      after,
    },
    parent,
  );
  openPorts(name, settings.namespace, { ...parent, dependsOn: chart });
  return chart;
};
