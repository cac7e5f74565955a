// What may Prometheus and Alertmanager read, and who reaches whom?
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels } from "../workload.ts";
import { portsOf, type ReceiverArgs } from "./receivers.ts";

/** Ports of the programs. */
export const ports = { prometheus: 9090, alertmanager: 9093, alertmanagerPeers: 9094 } as const;

/** ServiceAccounts, and what Prometheus may read: where everything is, and the figures of nodes. */
export const rights = (name: string, namespace: string, opts: pulumi.ComponentResourceOptions) => {
  const account = (program: string) =>
    new k8s.core.v1.ServiceAccount(
      `${name}-${program}`,
      { metadata: { name: program, namespace, labels: labels(program) }, automountServiceAccountToken: false },
      opts,
    );
  const metadata = { name: "plumbline:prometheus", labels: labels("prometheus") };
  new k8s.rbac.v1.ClusterRole(
    `${name}-prometheus`,
    {
      metadata,
      rules: [
        { apiGroups: [""], resources: ["nodes", "pods", "services"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
        { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
        { nonResourceURLs: ["/metrics"], verbs: ["get"] },
      ],
    },
    opts,
  );
  const bound = new k8s.rbac.v1.ClusterRoleBinding(
    `${name}-prometheus`,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
      subjects: [{ kind: "ServiceAccount", name: "prometheus", namespace }],
    },
    opts,
  );
  return { prometheus: account("prometheus"), alertmanager: account("alertmanager"), bound };
};

/** Who may ask Prometheus and Alertmanager, and whom they may ask. */
export const openings = (
  name: string,
  namespace: string,
  receivers: readonly ReceiverArgs[],
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const slot = (...slots: string[]) => ({
    namespaceSelector: { matchExpressions: [{ key: "plumbline.dev/slot", operator: "In", values: slots }] },
  });
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const policy = (program: string, spec: Omit<k8s.types.input.networking.v1.NetworkPolicySpec, "podSelector">) =>
    new k8s.networking.v1.NetworkPolicy(
      `${name}-${program}`,
      {
        metadata: { name: program, namespace },
        spec: { podSelector: { matchLabels: labels(program) }, ...spec },
      },
      opts,
    );
  return [
    policy("prometheus", {
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [slot("metrics", "dashboards", "ingress")], ports: [tcp(ports.prometheus)] }],
      // What it scrapes is anywhere: pods at any port, nodes and API servers outside of every selector.
      egress: [{}],
    }),
    policy("alertmanager", {
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [slot("metrics", "logs", "dashboards", "ingress")], ports: [tcp(ports.alertmanager)] },
        {
          from: [{ podSelector: { matchLabels: labels("alertmanager") } }],
          ports: [tcp(ports.alertmanagerPeers), { protocol: "UDP", port: ports.alertmanagerPeers }],
        },
      ],
      egress: [
        {
          to: [{ podSelector: { matchLabels: labels("alertmanager") } }],
          ports: [tcp(ports.alertmanagerPeers), { protocol: "UDP", port: ports.alertmanagerPeers }],
        },
        ...(receivers.length > 0 ? [{ ports: portsOf(receivers).map(tcp) }] : []),
      ],
    }),
  ];
};
