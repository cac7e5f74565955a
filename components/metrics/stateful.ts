// What do Prometheus and Alertmanager have in common as programs of a cluster? A volume each, and the care for it.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { image, type Program } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";

/** A program with a volume for each replica. */
export interface Stateful {
  readonly program: Extract<Program, "prometheus" | "alertmanager">;
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly replicas: number;
  readonly args: string[];
  readonly env?: inputs.core.v1.EnvVar[];
  /** Configuration by file name, in `/etc/<program>`. */
  readonly files: Record<string, string>;
  readonly port: number;
  /** Further ports, which replicas use among themselves. */
  readonly peerPorts?: inputs.core.v1.ContainerPort[];
  readonly serviceAccountName: pulumi.Input<string>;
  readonly usesToken: boolean;
  readonly storage: { readonly size: string; readonly className: string | undefined };
  readonly resources: inputs.core.v1.ResourceRequirements;
  readonly volumes?: inputs.core.v1.Volume[];
  readonly volumeMounts?: inputs.core.v1.VolumeMount[];
  /** Seconds that it may take to read its volume before it counts as dead. */
  readonly patience: number;
  readonly transform: ((args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs) | undefined;
}

/** Declares it, with the Service that it is asked at and the one by which replicas find each other. */
export const stateful = (
  prefix: string,
  declared: Stateful,
  opts: pulumi.ComponentResourceOptions,
  after: pulumi.Resource[],
): k8s.apps.v1.StatefulSet => {
  const { program, namespace, mirror, replicas, args, env, files, port, peerPorts = [], storage } = declared;
  const name = `${prefix}-${program}`;
  const metadata = { name: program, namespace, labels: labels(program) };
  const configuration = new k8s.core.v1.ConfigMap(name, { metadata, data: files }, opts);
  new k8s.core.v1.Service(
    name,
    {
      metadata,
      spec: {
        selector: labels(program),
        ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }],
      },
    },
    opts,
  );
  const peers = new k8s.core.v1.Service(
    `${name}-peers`,
    {
      metadata: { ...metadata, name: `${program}-peers` },
      spec: {
        clusterIP: "None",
        // They look for each other before they are ready.
        publishNotReadyAddresses: true,
        selector: labels(program),
        ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }],
      },
    },
    opts,
  );
  if (replicas > 1) {
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: labels(program) } } },
      opts,
    );
  }
  const set: k8s.apps.v1.StatefulSetArgs = {
    metadata,
    spec: {
      serviceName: peers.metadata.name,
      replicas,
      podManagementPolicy: "Parallel",
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: labels(program) },
      template: {
        metadata: {
          labels: labels(program),
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(port),
            "plumbline.dev/configuration": createHash("sha256")
              .update(JSON.stringify(files))
              .digest("hex")
              .slice(0, 16),
          },
        },
        spec: {
          serviceAccountName: declared.serviceAccountName,
          automountServiceAccountToken: declared.usesToken,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 120,
          securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
          ...(replicas > 1 && {
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
              args,
              ...(env && { env }),
              ports: [{ name: "http", containerPort: port, protocol: "TCP" }, ...peerPorts],
              startupProbe: {
                ...httpProbe("/-/ready", "http"),
                periodSeconds: 2,
                failureThreshold: Math.ceil(declared.patience / 2),
              },
              readinessProbe: { ...httpProbe("/-/ready", "http"), periodSeconds: 5 },
              livenessProbe: { ...httpProbe("/-/healthy", "http"), failureThreshold: 6 },
              resources: declared.resources,
              securityContext: restrictedContainer,
              volumeMounts: [
                { name: "configuration", mountPath: `/etc/${program}/config`, readOnly: true },
                { name: "data", mountPath: "/data" },
                ...(declared.volumeMounts ?? []),
              ],
            },
          ],
          volumes: [
            { name: "configuration", configMap: { name: configuration.metadata.name } },
            ...(declared.volumes ?? []),
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: labels(program) },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(storage.className && { storageClassName: storage.className }),
            resources: { requests: { storage: storage.size } },
          },
        },
      ],
    },
  };
  return new k8s.apps.v1.StatefulSet(name, declared.transform ? declared.transform(set) : set, {
    ...opts,
    dependsOn: after,
  });
};
