// What do the servers of Vault consist of? A volume each, a certificate, and the Services by which they are found.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import type { Certificates } from "../certificates/certificates.ts";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { digest, peerDomain, ports, type SealArgs, serverConfig } from "./vault-config.ts";

/** What differs between the servers of two platforms. */
export interface ServerSettings {
  readonly namespace: string;
  readonly replicas: number;
  readonly mirror: string | undefined;
  readonly seal: SealArgs | undefined;
  readonly storage: { readonly size: string; readonly className: string | undefined };
  readonly certificates: Certificates;
  readonly transform: ((args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs) | undefined;
}

// Vault reads a renewed certificate on SIGHUP alone.
const start = `vault server -config=/vault/config/server.json &
server=$!
trap 'kill -TERM $server' TERM INT
(
  seen=$(sha256sum < /vault/tls/tls.crt)
  while sleep 10; do
    now=$(sha256sum < /vault/tls/tls.crt)
    [ "$now" = "$seen" ] || kill -HUP $server
    seen=$now
  done
) &
wait $server
# A signal ends the waiting, not Vault.
while kill -0 $server 2> /dev/null; do wait $server; done
`;

/** Declares the servers. @returns their StatefulSet, which is ready once they are open, and the certificate that they show */
export const servers = (
  name: string,
  settings: ServerSettings,
  opts: pulumi.ComponentResourceOptions,
): { readonly set: k8s.apps.v1.StatefulSet; readonly certificate: pulumi.Resource } => {
  const { namespace, replicas, mirror, seal, storage, certificates, transform } = settings;
  const resource = `${name}-server`;
  const metadata = { name: "vault", namespace, labels: labels("vault") };
  const domain = peerDomain(namespace);
  const certificate = certificates.issue(
    `${name}-certificate`,
    {
      name: "vault",
      namespace,
      hosts: [
        ...["vault", "vault-internal", "*.vault-internal"].flatMap((host) =>
          ["svc", "svc.cluster.local"].map((end) => `${host}.${namespace}.${end}`),
        ),
        "localhost",
      ],
      addresses: ["127.0.0.1"],
      secret: "vault-tls",
    },
    opts,
  );
  const config = serverConfig(namespace, replicas, seal);
  const configuration = new k8s.core.v1.ConfigMap(
    resource,
    { metadata, data: { "server.json": config, "start.sh": start } },
    opts,
  );
  const account = new k8s.core.v1.ServiceAccount(
    resource,
    {
      metadata: {
        ...metadata,
        ...(seal?.awsKms.role && { annotations: { "eks.amazonaws.com/role-arn": seal.awsKms.role } }),
      },
      automountServiceAccountToken: false,
    },
    opts,
  );
  // It asks the API server whose a token is.
  const reviews = new k8s.rbac.v1.ClusterRoleBinding(
    resource,
    {
      metadata: { name: `plumbline:${namespace}:vault`, labels: labels("vault") },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
      subjects: [{ kind: "ServiceAccount", name: "vault", namespace }],
    },
    opts,
  );
  const service = (called: string, spec: inputs.core.v1.ServiceSpec) =>
    new k8s.core.v1.Service(
      `${name}-${called}`,
      { metadata: { ...metadata, name: called }, spec: { selector: labels("vault"), ...spec } },
      opts,
    );
  const api = { name: "https", port: ports.api, targetPort: "https", protocol: "TCP" };
  service("vault", { ports: [api] });
  const peers = service("vault-internal", {
    clusterIP: "None",
    // They are opened, and find each other, before they are ready.
    publishNotReadyAddresses: true,
    ports: [api, { name: "cluster", port: ports.cluster, targetPort: "cluster", protocol: "TCP" }],
  });
  const opened = openings(resource, namespace, opts);
  if (replicas > 1) {
    new k8s.policy.v1.PodDisruptionBudget(
      resource,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: labels("vault") } } },
      opts,
    );
  }
  const declared: k8s.apps.v1.StatefulSetArgs = {
    metadata,
    spec: {
      serviceName: peers.metadata.name,
      replicas,
      podManagementPolicy: "Parallel",
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: labels("vault") },
      template: {
        metadata: {
          labels: labels("vault"),
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(ports.api),
            "prometheus.io/scheme": "https",
            "prometheus.io/path": "/v1/sys/metrics",
            "prometheus.io/param-format": "prometheus",
            "plumbline.dev/configuration": digest([config, start]),
          },
        },
        spec: {
          serviceAccountName: account.metadata.name,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 30,
          securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
          ...(replicas > 1 && { topologySpreadConstraints: [spread] }),
          containers: [
            {
              name: "vault",
              image: image("vault", mirror),
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "/vault/config/start.sh"],
              env: [
                { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                { name: "VAULT_RAFT_NODE_ID", value: "$(POD_NAME)" },
                { name: "VAULT_API_ADDR", value: `https://$(POD_NAME).${domain}:${ports.api}` },
                { name: "VAULT_CLUSTER_ADDR", value: `https://$(POD_NAME).${domain}:${ports.cluster}` },
                // For whoever runs its command here.
                { name: "VAULT_ADDR", value: `https://127.0.0.1:${ports.api}` },
                { name: "VAULT_CACERT", value: "/vault/tls/ca.crt" },
                { name: "HOME", value: "/tmp" },
              ],
              ports: [
                { name: "https", containerPort: ports.api, protocol: "TCP" },
                { name: "cluster", containerPort: ports.cluster, protocol: "TCP" },
              ],
              readinessProbe: { ...httpProbe("/v1/sys/health?standbyok=true", "https", "HTTPS"), periodSeconds: 3 },
              // Closed is no reason to start it anew: that would not open it.
              livenessProbe: {
                ...httpProbe("/v1/sys/health?standbyok=true&sealedcode=204&uninitcode=204", "https", "HTTPS"),
                initialDelaySeconds: 60,
                failureThreshold: 6,
              },
              resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "2", memory: "1Gi" } },
              securityContext: restrictedContainer,
              volumeMounts: [
                { name: "configuration", mountPath: "/vault/config", readOnly: true },
                { name: "tls", mountPath: "/vault/tls", readOnly: true },
                { name: "data", mountPath: "/vault/data" },
                { name: "tmp", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [
            { name: "configuration", configMap: { name: configuration.metadata.name } },
            { name: "tls", secret: { secretName: "vault-tls", defaultMode: 0o440 } },
            { name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: labels("vault") },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(storage.className && { storageClassName: storage.className }),
            resources: { requests: { storage: storage.size } },
          },
        },
      ],
    },
  };
  const set = new k8s.apps.v1.StatefulSet(resource, transform ? transform(declared) : declared, {
    ...opts,
    dependsOn: [certificate, reviews, opened],
  });
  return { set, certificate };
};

const spread = {
  maxSkew: 1,
  topologyKey: "kubernetes.io/hostname",
  whenUnsatisfiable: "ScheduleAnyway",
  labelSelector: { matchLabels: labels("vault") },
};

// Apps, the configurator, whoever collects figures, and the servers themselves.
const openings = (resource: string, namespace: string, opts: pulumi.ComponentResourceOptions): pulumi.Resource => {
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const labelled = (key: string, ...values: string[]) => ({
    namespaceSelector: {
      matchExpressions: [values.length > 0 ? { key, operator: "In", values } : { key, operator: "Exists" }],
    },
  });
  const own = { podSelector: { matchLabels: labels("vault") } };
  return new k8s.networking.v1.NetworkPolicy(
    resource,
    {
      metadata: { name: "vault", namespace },
      spec: {
        podSelector: { matchLabels: labels("vault") },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [
              labelled("plumbline.dev/app"),
              labelled("plumbline.dev/slot", "secrets", "metrics", "ingress", "registry", "dashboards"),
            ],
            ports: [tcp(ports.api)],
          },
          { from: [own], ports: [tcp(ports.api), tcp(ports.cluster)] },
        ],
        egress: [{ to: [own], ports: [tcp(ports.api), tcp(ports.cluster)] }],
      },
    },
    opts,
  );
};
