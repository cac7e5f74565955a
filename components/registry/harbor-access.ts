// As whom do Harbor's pods run, what is kept on a volume of its own, and who reaches whom?
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels } from "../workload.ts";
import type { HarborArgs } from "./harbor-args.ts";
import { jobProgram } from "./harbor-settings.ts";
import type { HarborStorage } from "./harbor-storage.ts";
import { chartNames, chartPorts } from "./harbor-values.ts";

/** Declares the ServiceAccount of all pods of the chart, and the claim of the images where they are on a volume. */
export const declareGround = (
  name: string,
  namespace: string,
  { annotations, volume }: HarborStorage,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const account = new k8s.core.v1.ServiceAccount(
    name,
    {
      metadata: { name: chartNames.serviceAccount, namespace, labels: labels("harbor"), annotations },
      automountServiceAccountToken: false,
    },
    opts,
  );
  if (!volume) return [account];
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    `${name}-images`,
    {
      metadata: {
        name: chartNames.images,
        namespace,
        labels: labels("harbor"),
        // Many classes make the volume when the first pod asks for it.
        annotations: { "pulumi.com/skipAwait": "true" },
      },
      spec: {
        accessModes: ["ReadWriteOnce"],
        ...(volume.storageClass && { storageClassName: volume.storageClass }),
        resources: { requests: { storage: volume.size ?? "50Gi" } },
      },
    },
    { ...opts, retainOnDelete: true },
  );
  return [account, claim];
};

/** Ports beside 443, which every layer may use, at which something outside is reached. */
const portsOutside = ({ database, redis, proxyCaches = [], oidc }: HarborArgs, storage: HarborStorage): number[] => {
  const urls = [...proxyCaches.map(({ url }) => url), oidc?.endpoint].filter((url) => url !== undefined);
  const ports = [
    ...storage.ports,
    ...(database ? [database.port ?? 5432] : []),
    ...(redis ? redis.address.split(",").map((address) => Number(address.slice(address.lastIndexOf(":") + 1))) : []),
    // The name behind a Sentinel leads to Redis itself.
    ...(redis?.sentinelMaster ? [6379] : []),
    ...urls.map((url) => Number(new URL(url).port) || (url.startsWith("http:") ? 80 : 443)),
  ];
  return [...new Set(ports)].filter((port) => port !== 443).sort((one, other) => one - other);
};

/** Opens what Harbor needs: its front for everybody or for the ingress, its parts for each other, figures for the metrics. */
export const openHarbor = (
  name: string,
  namespace: string,
  args: HarborArgs,
  { ingress, storage }: { ingress: boolean; storage: HarborStorage },
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const slot = (word: string) => ({ namespaceSelector: { matchLabels: { "plumbline.dev/slot": word } } });
  const every = { matchLabels: { app: chartNames.app } };
  const part = (component: string) => ({ matchLabels: { app: chartNames.app, component } });
  const job = { matchLabels: labels(jobProgram) };
  const policy = (suffix: string, spec: k8s.types.input.networking.v1.NetworkPolicySpec) =>
    new k8s.networking.v1.NetworkPolicy(
      `${name}-${suffix}`,
      { metadata: { name: `harbor-${suffix}`, namespace }, spec },
      opts,
    );
  const outside = portsOutside(args, storage);
  return [
    policy("front", {
      podSelector: part("nginx"),
      policyTypes: ["Ingress"],
      ingress: [
        ingress
          ? { from: [slot("ingress")], ports: [tcp(chartPorts.front)] }
          : { ports: [tcp(chartPorts.front), tcp(chartPorts.frontTls)] },
      ],
    }),
    policy("parts", {
      podSelector: every,
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [{ podSelector: every }] }],
      egress: [{ to: [{ podSelector: every }] }, ...(outside.length > 0 ? [{ ports: outside.map(tcp) }] : [])],
    }),
    policy("figures", {
      podSelector: every,
      policyTypes: ["Ingress"],
      ingress: [{ from: [slot("metrics")], ports: [tcp(chartPorts.figures)] }],
    }),
    policy("settings", {
      podSelector: part("core"),
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: job }] }],
    }),
    policy("settings-to-core", {
      podSelector: job,
      policyTypes: ["Egress"],
      egress: [{ to: [{ podSelector: part("core") }] }],
    }),
  ];
};
