// What do `kubectl top` and autoscalers read? metrics-server, behind the API group metrics.k8s.io.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";

/** Arguments of {@link MetricsServer}. */
export interface MetricsServerArgs {
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
}

const namespace = "kube-system";
const rbac = "rbac.authorization.k8s.io";

/**
 * Resource metrics of nodes and pods. The kubelets' certificates must be of the cluster's own authority.
 *
 * @example
 * new MetricsServer("metrics-server");
 */
export class MetricsServer extends pulumi.ComponentResource {
  constructor(name: string, args: MetricsServerArgs = {}, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:MetricsServer", name, { ...args }, opts);
    const parent = { parent: this };
    const metadata = { name: "metrics-server", namespace, labels: labels("metrics-server") };
    const account = new k8s.core.v1.ServiceAccount(name, { metadata, automountServiceAccountToken: false }, parent);
    const subjects = [{ kind: "ServiceAccount", name: "metrics-server", namespace }];
    new k8s.rbac.v1.ClusterRole(
      name,
      {
        metadata: { name: "plumbline:metrics-server" },
        rules: [
          { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
          { apiGroups: [""], resources: ["nodes", "pods"], verbs: ["get", "list", "watch"] },
        ],
      },
      parent,
    );
    const bindings = [
      new k8s.rbac.v1.ClusterRoleBinding(
        name,
        {
          metadata: { name: "plumbline:metrics-server" },
          roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "plumbline:metrics-server" },
          subjects,
        },
        parent,
      ),
      // It serves an API of its own, so it asks the API server who its callers are and what they may.
      new k8s.rbac.v1.ClusterRoleBinding(
        `${name}-delegator`,
        {
          metadata: { name: "plumbline:metrics-server:auth-delegator" },
          roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "system:auth-delegator" },
          subjects,
        },
        parent,
      ),
      new k8s.rbac.v1.RoleBinding(
        `${name}-reader`,
        {
          metadata: { name: "plumbline:metrics-server:auth-reader", namespace },
          roleRef: { apiGroup: rbac, kind: "Role", name: "extension-apiserver-authentication-reader" },
          subjects,
        },
        parent,
      ),
    ];
    const service = new k8s.core.v1.Service(
      name,
      {
        metadata,
        spec: {
          selector: labels("metrics-server"),
          ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: "https" }],
        },
      },
      parent,
    );
    const deployment = new k8s.apps.v1.Deployment(
      name,
      {
        // Ready only with the first figures, a quarter of a minute after its start: nothing waits for those.
        metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: {
          replicas: 1,
          strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          selector: { matchLabels: labels("metrics-server") },
          template: {
            metadata: { labels: labels("metrics-server") },
            spec: {
              serviceAccountName: account.metadata.name,
              automountServiceAccountToken: true,
              priorityClassName: "system-cluster-critical",
              securityContext: restrictedPod,
              containers: [
                {
                  name: "metrics-server",
                  image: image("metrics-server", args.mirror),
                  imagePullPolicy: "IfNotPresent",
                  args: [
                    "--cert-dir=/tmp",
                    "--secure-port=10250",
                    "--kubelet-preferred-address-types=InternalIP",
                    "--kubelet-use-node-status-port",
                    // The authority of the cluster, which also signs the kubelets: no --kubelet-insecure-tls.
                    "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
                    // The shortest that it takes: it is ready with the second round of figures. A request may take nine
                    // tenths of that at most, or it does not start.
                    "--metric-resolution=10s",
                    "--kubelet-request-timeout=9s",
                  ],
                  ports: [{ name: "https", containerPort: 10250, protocol: "TCP" }],
                  readinessProbe: { ...httpProbe("/readyz", "https", "HTTPS"), periodSeconds: 2 },
                  livenessProbe: { ...httpProbe("/livez", "https", "HTTPS"), initialDelaySeconds: 10 },
                  resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
                  securityContext: restrictedContainer,
                  volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
                },
              ],
              volumes: [{ name: "tmp", emptyDir: {} }],
            },
          },
        },
      },
      { ...parent, dependsOn: bindings },
    );
    new k8s.apiregistration.v1.APIService(
      name,
      {
        metadata: { name: "v1beta1.metrics.k8s.io", labels: labels("metrics-server") },
        spec: {
          group: "metrics.k8s.io",
          version: "v1beta1",
          groupPriorityMinimum: 100,
          versionPriority: 100,
          // The server signs a certificate of its own at each start. It holds figures alone, and it takes its callers'
          // word only with the API server's client certificate, so that nobody gains by standing between them.
          insecureSkipTLSVerify: true,
          service: { name: service.metadata.name, namespace, port: 443 },
        },
      },
      { ...parent, dependsOn: deployment },
    );
    this.registerOutputs({});
  }
}
