// How is Traefik run, whichever objects tell it whom to expose? Configuration, rights, Service, Deployment.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { dump } from "js-yaml";
import { layerNamespace } from "../namespace.ts";
import type { Problem } from "../problems.ts";
import { Size } from "../size.ts";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";

/** What the two implementations on Traefik have in common. */
export interface TraefikSettings {
  readonly namespace: string;
  readonly mirror?: string;
  readonly size?: Size;
  readonly serviceType?: string;
  readonly annotations?: Record<string, string>;
}

/** What tells Traefik whom to expose: part of its static configuration, and the rights to read it. */
export interface Provider {
  readonly configuration: Record<string, unknown>;
  readonly rules: inputs.rbac.v1.PolicyRule[];
  /** What must be there before the program starts. */
  readonly after?: pulumi.Resource[];
}

/** Changes a Deployment before it is declared. */
export type DeploymentTransform = (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;

/** Name of the program, of its Service and of its ServiceAccount. */
export const program = "traefik";
/** Ports of the pod: above 1024, since it has no capability to bind below. */
export const ports = { web: 8000, websecure: 8443, internal: 8080 } as const;
/** Name of the middleware that answers HTTP with a redirect to HTTPS. */
export const toHttps = "https@file";
/** Seconds that requests which have begun may take while a pod ends. */
export const grace = 30;

const serviceTypes = ["LoadBalancer", "NodePort", "ClusterIP"];

/** Traefik's static configuration. */
export const staticConfiguration = (providers: Record<string, unknown>) => ({
  global: { checkNewVersion: false, sendAnonymousUsage: false },
  log: { level: "INFO", format: "json" },
  accessLog: { format: "json", fields: { headers: { defaultMode: "drop" } } },
  entryPoints: {
    web: {
      address: `:${ports.web}`,
      asDefault: true,
      transport: { lifeCycle: { requestAcceptGraceTimeout: "5s", graceTimeOut: `${grace - 10}s` } },
    },
    websecure: {
      address: `:${ports.websecure}`,
      transport: { lifeCycle: { requestAcceptGraceTimeout: "5s", graceTimeOut: `${grace - 10}s` } },
      http: { tls: {} },
    },
    internal: { address: `:${ports.internal}` },
  },
  ping: { entryPoint: "internal" },
  metrics: { prometheus: { entryPoint: "internal", addServicesLabels: true } },
  providers: { ...providers, file: { directory: "/etc/traefik/dynamic" } },
});

/** Traefik's dynamic configuration that no object of Kubernetes holds. */
export const dynamicConfiguration = {
  http: { middlewares: { https: { redirectScheme: { scheme: "https", permanent: true } } } },
  tls: { options: { default: { minVersion: "VersionTLS12", sniStrict: false } } },
};

/** What is wrong with the settings that both implementations share. */
export const settingsProblems = ({
  size = Size.Single,
  serviceType = "LoadBalancer",
}: Partial<TraefikSettings>): Problem[] => [
  ...(Object.values(Size).includes(size) ? [] : [{ field: "size", value: size, allowed: '"single" or "ha"' }]),
  ...(serviceTypes.includes(serviceType)
    ? []
    : [{ field: "serviceType", value: serviceType, allowed: `one of ${serviceTypes.join(", ")}` }]),
];

/** Opens requests to Traefik, its figures to whoever keeps such, and everything that is exposed to Traefik. */
export const openPorts = (
  name: string,
  namespace: string,
  opts: pulumi.ComponentResourceOptions,
): k8s.networking.v1.NetworkPolicy =>
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
              { protocol: "TCP", port: ports.web },
              { protocol: "TCP", port: ports.websecure },
            ],
          },
          {
            from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
            ports: [{ protocol: "TCP", port: ports.internal }],
          },
        ],
        // Whatever is exposed, at whatever port it listens.
        egress: [{ to: [{ namespaceSelector: {} }] }],
      },
    },
    opts,
  );

/** Declares Traefik. @returns its Deployment */
export const runTraefik = (
  name: string,
  settings: TraefikSettings,
  provider: Provider,
  transform: DeploymentTransform | undefined,
  parent: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment => {
  const { namespace, mirror, size = Size.Single, serviceType = "LoadBalancer", annotations } = settings;
  const ha = size === Size.Ha;
  const home = layerNamespace(name, { namespace, slot: "ingress" }, parent);
  const opts = { ...parent, dependsOn: home };
  const metadata = { name: program, namespace, labels: labels(program) };
  const files = {
    "traefik.yaml": dump(staticConfiguration(provider.configuration), { lineWidth: -1 }),
    "dynamic.yaml": dump(dynamicConfiguration, { lineWidth: -1 }),
  };
  const configuration = new k8s.core.v1.ConfigMap(name, { metadata, data: files }, opts);
  const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, opts);
  // By namespace: while one implementation takes the place of another, both are there.
  const everywhere = { name: `plumbline:${namespace}`, labels: labels(program) };
  new k8s.rbac.v1.ClusterRole(name, { metadata: everywhere, rules: provider.rules }, opts);
  const bound = new k8s.rbac.v1.ClusterRoleBinding(
    name,
    {
      metadata: everywhere,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: everywhere.name },
      subjects: [{ kind: "ServiceAccount", name: program, namespace }],
    },
    opts,
  );
  const openings = openPorts(name, namespace, opts);
  new k8s.core.v1.Service(
    name,
    {
      metadata: { ...metadata, ...(annotations && { annotations }) },
      spec: {
        type: serviceType,
        // Keeps the address of the caller for the access log.
        ...(serviceType !== "ClusterIP" && { externalTrafficPolicy: "Local" }),
        selector: labels(program),
        ports: [
          { name: "web", port: 80, targetPort: "web", protocol: "TCP" },
          { name: "websecure", port: 443, targetPort: "websecure", protocol: "TCP" },
        ],
      },
    },
    opts,
  );
  if (ha) {
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: { minAvailable: 2, selector: { matchLabels: labels(program) } } },
      opts,
    );
  }
  const deployment: k8s.apps.v1.DeploymentArgs = {
    metadata,
    spec: {
      replicas: ha ? 3 : 1,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: labels(program) },
      template: {
        metadata: {
          labels: labels(program),
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(ports.internal),
            "plumbline.dev/configuration": createHash("sha256")
              .update(JSON.stringify(files))
              .digest("hex")
              .slice(0, 16),
          },
        },
        spec: {
          serviceAccountName: account.metadata.name,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: grace,
          priorityClassName: "system-cluster-critical",
          securityContext: restrictedPod,
          ...(ha && {
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: labels(program) },
              },
            ],
          }),
          containers: [
            {
              name: program,
              image: image(program, mirror),
              imagePullPolicy: "IfNotPresent",
              args: ["--configFile=/etc/traefik/traefik.yaml"],
              ports: Object.entries(ports).map(([port, containerPort]) => ({
                name: port,
                containerPort,
                protocol: "TCP",
              })),
              readinessProbe: { ...httpProbe("/ping", "internal"), periodSeconds: 2 },
              livenessProbe: httpProbe("/ping", "internal"),
              resources: { requests: { cpu: "100m", memory: "96Mi" }, limits: { cpu: "2", memory: "512Mi" } },
              securityContext: restrictedContainer,
              volumeMounts: [
                { name: "configuration", mountPath: "/etc/traefik", readOnly: true },
                { name: "tmp", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [
            {
              name: "configuration",
              configMap: {
                name: configuration.metadata.name,
                items: [
                  { key: "traefik.yaml", path: "traefik.yaml" },
                  { key: "dynamic.yaml", path: "dynamic/dynamic.yaml" },
                ],
              },
            },
            { name: "tmp", emptyDir: {} },
          ],
        },
      },
    },
  };
  return new k8s.apps.v1.Deployment(name, transform ? transform(deployment) : deployment, {
    ...opts,
    dependsOn: [bound, openings, ...(provider.after ?? [])],
  });
};
