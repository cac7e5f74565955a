// What does each program of cert-manager consist of? ServiceAccount, rights, openings, Deployment.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { Size } from "../size.ts";
import { image, type Program } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import {
  acmeRules,
  controllerRules,
  http01Rules,
  injectorRules,
  ownRules,
  webhookRules,
} from "./cert-manager-rights.ts";

/** What differs between the releases that the typed layer covers. */
export interface Release {
  /** Suffix of the programs' names in `versions.ts`. */
  readonly suffix: "" | "-1.11";
  /** Whether the controller answers for its health, and cainjector for its figures: since 1.12. */
  readonly answersHealth: boolean;
}

/** Releases by what a stack calls them. 1.11 is the last whose programs can be built from its module alone. */
export const releases: Readonly<Record<string, Release>> = {
  "1.11": { suffix: "-1.11", answersHealth: false },
  "1.21": { suffix: "", answersHealth: true },
};

/** What all programs of one cert-manager share. */
export interface Programs {
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly release: Release;
  readonly size: Size;
  /** Whether certificates come from an ACME server, and whether that is convinced by HTTP. */
  readonly acme: { readonly http01: boolean } | undefined;
  /** What must be there before a program starts. */
  readonly after: pulumi.Resource[];
  readonly transform?: (program: string, args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
}

/** Programs of cert-manager. */
export type Name = "controller" | "webhook" | "cainjector";

/** ServiceAccounts of the programs. */
export const accounts: Record<Name, string> = {
  controller: "cert-manager",
  webhook: "cert-manager-webhook",
  cainjector: "cert-manager-cainjector",
};

/** Name of the webhook's Service, Secret prefix and registration. */
export const webhookName = accounts.webhook;

const metrics = 9402;
/** Port of the webhook: one that the control planes of clouds reach. */
export const webhookPort = 10250;
/** Replicas of size `ha`. At once: without it a replica that is new would wait for its turn. */
export const replicas: Record<Name, number> = { controller: 2, webhook: 3, cainjector: 2 };

const programOf = (name: Name | "acmesolver", { suffix }: Release): Program => `cert-manager-${name}${suffix}`;

/**
 * What the controller does, as its flag says it. Without ACME there is nothing to order or to solve, and without the rights to
 * look these loops would not start.
 */
export const loops = (acme: Programs["acme"]): string =>
  [
    "*",
    "-ingress-shim",
    "-gateway-shim",
    "-certificaterequests-issuer-vault",
    "-certificaterequests-issuer-venafi",
    ...(acme ? [] : ["-orders", "-challenges", "-certificaterequests-issuer-acme"]),
  ].join(",");

const flags = (name: Name, { acme, namespace, mirror, release, size }: Programs): string[] => {
  const election = [`--leader-elect=${size === Size.Ha}`, `--leader-election-namespace=${namespace}`];
  switch (name) {
    case "controller":
      return [
        `--cluster-resource-namespace=${namespace}`,
        ...election,
        `--controllers=${loops(acme)}`,
        // What an authority of the cluster's own signed goes with its Certificate: in a namespace that is kept it would outlive
        // that authority, and cert-manager does not ask whether the next one signed it. An ACME server's holds anywhere, and
        // asking for another one soon is refused.
        ...(acme ? [] : ["--enable-certificate-owner-ref=true"]),
        ...(acme?.http01 ? [`--acme-http01-solver-image=${image(programOf("acmesolver", release), mirror)}`] : []),
      ];
    case "cainjector":
      return [`--namespace=${namespace}`, ...election];
    case "webhook":
      return [
        `--secure-port=${webhookPort}`,
        `--dynamic-serving-ca-secret-namespace=${namespace}`,
        `--dynamic-serving-ca-secret-name=${webhookName}-ca`,
        ...["", `.${namespace}`, `.${namespace}.svc`].map((end) => `--dynamic-serving-dns-names=${webhookName}${end}`),
      ];
  }
};

const clusterRules = (name: Name, { acme }: Programs): inputs.rbac.v1.PolicyRule[] =>
  name === "webhook"
    ? webhookRules
    : name === "cainjector"
      ? injectorRules
      : [...controllerRules, ...(acme ? acmeRules : []), ...(acme?.http01 ? http01Rules : [])];

type Answers = Pick<inputs.core.v1.Container, "ports" | "readinessProbe" | "livenessProbe">;

const answers = (name: Name, { answersHealth }: Release): Answers => {
  const figures = { name: "http-metrics", containerPort: metrics, protocol: "TCP" };
  if (name === "webhook") {
    return {
      ports: [
        { name: "https", containerPort: webhookPort, protocol: "TCP" },
        { name: "healthcheck", containerPort: 6080, protocol: "TCP" },
        ...(answersHealth ? [figures] : []),
      ],
      readinessProbe: { ...httpProbe("/healthz", "healthcheck"), periodSeconds: 2 },
      livenessProbe: { ...httpProbe("/livez", "healthcheck"), initialDelaySeconds: 60 },
    };
  }
  if (name === "cainjector") {
    return answersHealth
      ? {
          ports: [figures],
          readinessProbe: httpProbe("/metrics", "http-metrics"),
          livenessProbe: httpProbe("/metrics", "http-metrics"),
        }
      : {};
  }
  const health = answersHealth
    ? httpProbe("/livez", "http-healthz")
    : // This release knows no other sign of life.
      httpProbe("/metrics", "http-metrics");
  return {
    ports: [figures, ...(answersHealth ? [{ name: "http-healthz", containerPort: 9403, protocol: "TCP" }] : [])],
    readinessProbe: { ...httpProbe("/metrics", "http-metrics"), periodSeconds: 2 },
    livenessProbe: { ...health, initialDelaySeconds: 10 },
  };
};

/** What opens the ports of a program depends on. */
export interface Openings {
  readonly namespace: string;
  readonly acme: Programs["acme"];
  /** Labels of the program's pods. */
  readonly pods: Record<string, string>;
}

/** Opens figures, requests to the webhook, and for the controller the way to an ACME server. */
export const openPorts = (
  resource: string,
  name: Name,
  { namespace, acme, pods }: Openings,
  opts: pulumi.ComponentResourceOptions,
): k8s.networking.v1.NetworkPolicy => {
  const account = accounts[name];
  const metadata = { name: account, namespace, labels: labels(account) };
  const scraped = { namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } };
  const openings = new k8s.networking.v1.NetworkPolicy(
    resource,
    {
      metadata,
      spec: {
        podSelector: { matchLabels: pods },
        policyTypes: ["Ingress"],
        ingress: [
          { from: [scraped], ports: [{ protocol: "TCP", port: metrics }] },
          // The API server asks from outside of every pod network that a selector could name.
          ...(name === "webhook" ? [{ ports: [{ protocol: "TCP", port: webhookPort }] }] : []),
        ],
      },
    },
    opts,
  );
  if (name === "controller" && acme) {
    new k8s.networking.v1.NetworkPolicy(
      `${resource}-to-acme`,
      {
        metadata: { ...metadata, name: `${account}-to-acme` },
        spec: {
          podSelector: { matchLabels: pods },
          policyTypes: ["Egress"],
          // It looks at its own answers before the server does: over HTTP, and at the zone's name servers.
          egress: [
            {
              ports: [
                { protocol: "TCP", port: 443 },
                { protocol: "TCP", port: 80 },
                { protocol: "TCP", port: 53 },
                { protocol: "UDP", port: 53 },
              ],
            },
          ],
        },
      },
      opts,
    );
  }
  return openings;
};

/** Declares one program. @returns its Deployment, which is created after its rights and openings */
export const program = (
  prefix: string,
  name: Name,
  programs: Programs,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment => {
  const { namespace, mirror, release, size, after, transform } = programs;
  const account = accounts[name];
  const ha = size === Size.Ha;
  const resource = `${prefix}-${name}`;
  const metadata = { name: account, namespace, labels: labels(account) };
  const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
  const rbac = "rbac.authorization.k8s.io";
  const serviceAccount = new k8s.core.v1.ServiceAccount(
    resource,
    { metadata, automountServiceAccountToken: false },
    opts,
  );
  const everywhere = { name: `plumbline:${account}`, labels: labels(account) };
  new k8s.rbac.v1.ClusterRole(resource, { metadata: everywhere, rules: clusterRules(name, programs) }, opts);
  const bound = new k8s.rbac.v1.ClusterRoleBinding(
    resource,
    { metadata: everywhere, roleRef: { apiGroup: rbac, kind: "ClusterRole", name: everywhere.name }, subjects },
    opts,
  );
  new k8s.rbac.v1.Role(resource, { metadata, rules: ownRules[account] ?? [] }, opts);
  const boundHere = new k8s.rbac.v1.RoleBinding(
    resource,
    { metadata, roleRef: { apiGroup: rbac, kind: "Role", name: account }, subjects },
    opts,
  );
  const openings = openPorts(resource, name, { namespace, acme: programs.acme, pods: labels(account) }, opts);
  if (ha) {
    new k8s.policy.v1.PodDisruptionBudget(
      resource,
      { metadata, spec: { minAvailable: 1, selector: { matchLabels: labels(account) } } },
      opts,
    );
  }
  const hasFigures = name === "controller" || release.answersHealth;
  const deployment: k8s.apps.v1.DeploymentArgs = {
    metadata,
    spec: {
      replicas: ha ? replicas[name] : 1,
      strategy: ha
        ? { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
        : { type: "Recreate" },
      selector: { matchLabels: labels(account) },
      template: {
        metadata: {
          labels: labels(account),
          ...(hasFigures && {
            annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(metrics) },
          }),
        },
        spec: {
          serviceAccountName: serviceAccount.metadata.name,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          priorityClassName: "system-cluster-critical",
          securityContext: restrictedPod,
          ...(ha && {
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: labels(account) },
              },
            ],
          }),
          containers: [
            {
              name: account,
              image: image(programOf(name, release), mirror),
              imagePullPolicy: "IfNotPresent",
              args: ["--v=2", ...flags(name, programs)],
              env: [{ name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
              ...answers(name, release),
              resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "1", memory: "512Mi" } },
              securityContext: restrictedContainer,
            },
          ],
        },
      },
    },
  };
  return new k8s.apps.v1.Deployment(resource, transform ? transform(name, deployment) : deployment, {
    ...opts,
    dependsOn: [bound, boundHere, openings, ...after],
  });
};
