// How do pods find Services by name? CoreDNS at the address that the kubelets give every pod.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";

/** Arguments of {@link CoreDns}. */
export interface CoreDnsArgs {
  /** Address of the Service: what the kubelets are told as `clusterDNS`. Default: "10.96.0.10". */
  address?: string;
  /** Domain of the cluster. Default: "cluster.local". */
  domain?: string;
  /** Name servers that are asked for all other names. Default: none, for a network that leads nowhere. */
  upstreams?: string[];
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

const namespace = "kube-system";
// Above 1024, since the pod has no capability to bind below; the Service listens at 53.
const port = 1053;

// Names of the cluster are answered from memory: a copy of them would outlive the Service and lead nowhere.
const corefile = (domain: string, upstreams: readonly string[]): string => `.:${port} {
    errors
    health :8080 {
        lameduck 5s
    }
    ready :8181
    kubernetes ${domain} in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :9153
${upstreams.length > 0 ? `    forward . ${upstreams.join(" ")}\n` : ""}    cache 30 {
        disable success ${domain}
        disable denial ${domain}
    }
    reload
    loadbalance
}
`;

/**
 * The cluster's DNS.
 *
 * @example
 * new CoreDns("dns", { address: "10.43.0.10" });
 */
export class CoreDns extends pulumi.ComponentResource {
  constructor(name: string, args: CoreDnsArgs = {}, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:CoreDns", name, { ...args }, opts);
    const parent = { parent: this };
    const metadata = { name: "coredns", namespace, labels: { ...labels("coredns"), "k8s-app": "kube-dns" } };
    const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, parent);
    const role = new k8s.rbac.v1.ClusterRole(
      name,
      {
        metadata: { name: "plumbline:coredns" },
        rules: [
          { apiGroups: [""], resources: ["namespaces", "pods", "services"], verbs: ["list", "watch"] },
          { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
        ],
      },
      parent,
    );
    const binding = new k8s.rbac.v1.ClusterRoleBinding(
      name,
      {
        metadata: { name: "plumbline:coredns" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
        subjects: [{ kind: "ServiceAccount", name: "coredns", namespace }],
      },
      parent,
    );
    const config = new k8s.core.v1.ConfigMap(
      name,
      { metadata, data: { Corefile: corefile(args.domain ?? "cluster.local", args.upstreams ?? []) } },
      parent,
    );
    new k8s.core.v1.Service(
      name,
      {
        metadata: { ...metadata, name: "kube-dns" },
        spec: {
          clusterIP: args.address ?? "10.96.0.10",
          selector: labels("coredns"),
          ports: [
            { name: "dns", port: 53, protocol: "UDP", targetPort: "dns" },
            { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: "dns-tcp" },
            { name: "metrics", port: 9153, protocol: "TCP", targetPort: "metrics" },
          ],
        },
      },
      parent,
    );
    new k8s.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas: 1,
          strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          selector: { matchLabels: labels("coredns") },
          template: {
            metadata: {
              labels: { ...labels("coredns"), "k8s-app": "kube-dns" },
              annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "9153" },
            },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: true,
              priorityClassName: "system-cluster-critical",
              // The node's own resolver, not itself.
              dnsPolicy: "Default",
              securityContext: restrictedPod,
              containers: [
                {
                  name: "coredns",
                  image: image("coredns", args.mirror),
                  imagePullPolicy: "IfNotPresent",
                  args: ["-conf", "/etc/coredns/Corefile"],
                  ports: [
                    { name: "dns", containerPort: port, protocol: "UDP" },
                    { name: "dns-tcp", containerPort: port, protocol: "TCP" },
                    { name: "metrics", containerPort: 9153, protocol: "TCP" },
                    { name: "health", containerPort: 8080, protocol: "TCP" },
                    { name: "ready", containerPort: 8181, protocol: "TCP" },
                  ],
                  readinessProbe: { ...httpProbe("/ready", "ready"), periodSeconds: 1 },
                  livenessProbe: { ...httpProbe("/health", "health"), initialDelaySeconds: 10 },
                  resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { memory: "170Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
                },
              ],
              volumes: [{ name: "config", configMap: { name: config.metadata.name } }],
            },
          },
        },
      },
      { ...parent, dependsOn: binding },
    );
    this.registerOutputs({});
  }
}
