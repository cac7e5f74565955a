// What is one controller of Flux made of? ServiceAccount, rights, Deployment and its network openings.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";

/** A controller and what only it has. */
export interface Controller {
  readonly program: "source-controller" | "kustomize-controller" | "helm-controller";
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly rules: inputs.rbac.v1.PolicyRule[];
  readonly flags: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readiness: { readonly path: string; readonly port: string };
  /** Empty folders by name, with their mount path: the root file system is read-only. */
  readonly folders: Readonly<Record<string, string>>;
  readonly ingress: inputs.networking.v1.NetworkPolicyIngressRule[];
  readonly egress?: inputs.networking.v1.NetworkPolicyEgressRule[];
  /** What must be there before the program starts. */
  readonly after: pulumi.Resource[];
  readonly transform: ((args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs) | undefined;
}

/** Declares a controller. Returns its Deployment, which is created after its rights. */
export const controller = (
  prefix: string,
  {
    program,
    namespace,
    mirror,
    rules,
    flags,
    ports,
    readiness,
    folders,
    ingress,
    egress,
    after,
    transform,
  }: Controller,
  opts: pulumi.ComponentResourceOptions,
): k8s.apps.v1.Deployment => {
  const name = `${prefix}-${program}`;
  const metadata = { name: program, namespace, labels: labels(program) };
  const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, opts);
  const role = new k8s.rbac.v1.ClusterRole(
    name,
    { metadata: { name: `plumbline:${program}`, labels: labels(program) }, rules },
    opts,
  );
  const binding = new k8s.rbac.v1.ClusterRoleBinding(
    name,
    {
      metadata: { name: `plumbline:${program}`, labels: labels(program) },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: program, namespace }],
    },
    opts,
  );
  const openings = new k8s.networking.v1.NetworkPolicy(
    name,
    {
      metadata: { name: program, namespace },
      spec: {
        podSelector: { matchLabels: labels(program) },
        policyTypes: egress ? ["Ingress", "Egress"] : ["Ingress"],
        ingress: [
          ...ingress,
          // Figures, for whatever collects them.
          {
            from: [{ namespaceSelector: { matchLabels: { "plumbline.dev/slot": "metrics" } } }],
            ports: [{ protocol: "TCP", port: 8080 }],
          },
        ],
        ...(egress && { egress }),
      },
    },
    opts,
  );
  const deployment: k8s.apps.v1.DeploymentArgs = {
    metadata,
    spec: {
      // One replica, so nobody to elect a leader among: an election would make a restarted pod wait 35 s for the lease
      // of the dead one. Recreate keeps it one during an update.
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels(program) },
      template: {
        metadata: {
          labels: labels(program),
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
        },
        spec: {
          serviceAccountName: account.metadata.name,
          automountServiceAccountToken: true,
          terminationGracePeriodSeconds: 10,
          priorityClassName: "system-cluster-critical",
          securityContext: restrictedPod,
          containers: [
            {
              name: "manager",
              image: image(program, mirror),
              imagePullPolicy: "IfNotPresent",
              args: ["--log-level=info", "--log-encoding=json", "--watch-all-namespaces=true", ...flags],
              env: [{ name: "RUNTIME_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
              ports: [
                ...ports.map((port) => ({ ...port, protocol: "TCP" })),
                { name: "http-prom", containerPort: 8080, protocol: "TCP" },
                { name: "healthz", containerPort: 9440, protocol: "TCP" },
              ],
              readinessProbe: { ...httpProbe(readiness.path, readiness.port), periodSeconds: 1 },
              livenessProbe: httpProbe("/healthz", "healthz"),
              resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "1", memory: "1Gi" } },
              securityContext: restrictedContainer,
              volumeMounts: Object.entries(folders).map(([folder, mountPath]) => ({ name: folder, mountPath })),
            },
          ],
          volumes: Object.keys(folders).map((folder) => ({ name: folder, emptyDir: {} })),
        },
      },
    },
  };
  return new k8s.apps.v1.Deployment(name, transform ? transform(deployment) : deployment, {
    ...opts,
    dependsOn: [binding, openings, ...after],
  });
};
