// What do the nodes themselves report? node-exporter, on each of them.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { layerNamespace } from "../namespace.ts";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer } from "../workload.ts";

const program = "node-exporter";
const port = 9100;

/**
 * Declares node-exporter. It sees the node's processes, network and file systems, read-only, which Pod Security calls
 * privileged: so it has a namespace of its own, and nothing else stands there.
 */
export const nodeExporter = (
  name: string,
  { namespace, mirror }: { readonly namespace: string; readonly mirror: string | undefined },
  parent: pulumi.ComponentResourceOptions,
): k8s.apps.v1.DaemonSet => {
  const home = layerNamespace(`${name}-nodes`, { namespace, slot: "metrics", level: "privileged" }, parent);
  const opts = { ...parent, dependsOn: home };
  const metadata = { name: program, namespace, labels: labels(program) };
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-${program}`,
    { metadata, automountServiceAccountToken: false },
    opts,
  );
  return new k8s.apps.v1.DaemonSet(
    `${name}-${program}`,
    {
      metadata,
      spec: {
        selector: { matchLabels: labels(program) },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%" } },
        template: {
          metadata: { labels: labels(program) },
          spec: {
            serviceAccountName: account.metadata.name,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            hostNetwork: true,
            hostPID: true,
            priorityClassName: "system-node-critical",
            // Every node has figures, whatever keeps pods away from it.
            tolerations: [{ operator: "Exists" }],
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 65534,
              runAsGroup: 65534,
              seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [
              {
                name: program,
                image: image(program, mirror),
                imagePullPolicy: "IfNotPresent",
                args: [
                  `--web.listen-address=:${port}`,
                  "--path.procfs=/host/proc",
                  "--path.sysfs=/host/sys",
                  "--path.rootfs=/host/root",
                  // Mounts of pods and of containers are theirs to report.
                  "--collector.filesystem.mount-points-exclude=^/(dev|proc|run|sys|var/lib/(containerd|kubelet|docker)/.+)($|/)",
                  "--collector.netclass.ignored-devices=^(veth.*|cali.*|lxc.*|eni.*)$",
                  "--collector.netdev.device-exclude=^(veth.*|cali.*|lxc.*|eni.*)$",
                ],
                ports: [{ name: "metrics", containerPort: port, hostPort: port, protocol: "TCP" }],
                readinessProbe: { ...httpProbe("/", "metrics"), periodSeconds: 5 },
                livenessProbe: httpProbe("/", "metrics"),
                resources: { requests: { cpu: "20m", memory: "24Mi" }, limits: { cpu: "500m", memory: "128Mi" } },
                securityContext: restrictedContainer,
                volumeMounts: ["proc", "sys", "root"].map((folder) => ({
                  name: folder,
                  mountPath: `/host/${folder}`,
                  mountPropagation: "HostToContainer",
                  readOnly: true,
                })),
              },
            ],
            volumes: [
              { name: "proc", hostPath: { path: "/proc" } },
              { name: "sys", hostPath: { path: "/sys" } },
              { name: "root", hostPath: { path: "/" } },
            ],
          },
        },
      },
    },
    opts,
  );
};
