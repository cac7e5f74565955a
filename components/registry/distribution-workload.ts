// How does the registry run? One pod form for a volume and for buckets, and a job that removes what nobody names.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { usersName } from "./distribution-accounts.ts";
import { farewell, folders, grace, ports } from "./distribution-config.ts";
import type { Storage } from "./distribution-storage.ts";

/** Name of the registry's objects, and value of the label by which its pods are found. */
export const program = "registry";
/** The same of the job. */
export const collector = "registry-garbage-collection";
/** File of the registry's configuration. */
export const configFile = "config.yaml";

/** When garbage collection runs, and what counts as garbage. */
export interface GarbageCollectionArgs {
  /** Cron schedule, in UTC: "0 3 * * 0". A push at that moment may lose layers: choose an hour without any. */
  schedule: string;
  /** Whether manifests without a tag go as well, also those that a digest names somewhere. Default: false. */
  untagged?: boolean;
}

/** Changes a workload before it is declared. */
export interface RegistryTransform {
  /** Changes the StatefulSet, which there is where images are kept in a volume. */
  statefulSet?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
  /** Changes the Deployment, which there is where images are kept in a bucket. */
  deployment?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
}

/** What the pods follow from. */
export interface RegistryWorkload {
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly replicas: number;
  readonly storage: Storage;
  /** Secret with the certificate that is shown. */
  readonly certificate: string;
  /** Whether there is an account that pushes. */
  readonly writable: boolean;
  /** Further variables of the registry. */
  readonly env: inputs.core.v1.EnvVar[];
  /** Files of the ConfigMap, by name. */
  readonly files: Record<string, string>;
  readonly transform: RegistryTransform;
}

const spread = (replicas: number) =>
  replicas > 1 && {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: labels(program) },
      },
    ],
  };

const registryEnv = ({ storage, env }: Pick<RegistryWorkload, "storage" | "env">): inputs.core.v1.EnvVar[] => [
  // Without it, traces are sent to a collector that is not there.
  { name: "OTEL_TRACES_EXPORTER", value: "none" },
  ...storage.env,
  ...env,
];

const registryMounts = (storage: Storage): inputs.core.v1.VolumeMount[] => [
  { name: "config", mountPath: folders.registry, readOnly: true },
  ...storage.volumeMounts,
];

const registryVolumes = (storage: Storage): inputs.core.v1.Volume[] => [
  { name: "config", configMap: { name: program, items: [{ key: configFile, path: configFile }] } },
  ...storage.volumes,
];

const podTemplate = (declared: RegistryWorkload): inputs.core.v1.PodTemplateSpec => {
  const { mirror, replicas, storage, certificate, writable, files } = declared;
  return {
    metadata: {
      labels: { ...labels(program), ...storage.podLabels },
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": String(ports.debug),
        "plumbline.dev/configuration": createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16),
      },
    },
    spec: {
      serviceAccountName: program,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: grace,
      securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
      ...spread(replicas),
      containers: [
        {
          name: program,
          image: image("distribution", mirror),
          imagePullPolicy: "IfNotPresent",
          args: ["serve", `${folders.registry}/${configFile}`],
          env: registryEnv(declared),
          ports: [{ name: "debug", containerPort: ports.debug, protocol: "TCP" }],
          readinessProbe: { ...httpProbe("/debug/health", "debug"), periodSeconds: 5 },
          // Whether it lives, not whether its storage answers: a restart would not mend that.
          livenessProbe: { tcpSocket: { port: "debug" } },
          // What came in before the pod was known to end is still handed on to it.
          lifecycle: { preStop: { sleep: { seconds: farewell } } },
          resources: { requests: { cpu: "50m", memory: "48Mi" }, limits: { cpu: "2", memory: "512Mi" } },
          securityContext: restrictedContainer,
          volumeMounts: [...registryMounts(storage), { name: "users", mountPath: folders.users, readOnly: true }],
        },
        {
          name: "front",
          image: image("traefik", mirror),
          imagePullPolicy: "IfNotPresent",
          args: [`--configFile=${folders.traefik}/traefik.yaml`],
          ports: [
            { name: "https", containerPort: ports.https, protocol: "TCP" },
            { name: "internal", containerPort: ports.internal, protocol: "TCP" },
          ],
          readinessProbe: { ...httpProbe("/ping", "internal"), periodSeconds: 2 },
          livenessProbe: httpProbe("/ping", "internal"),
          resources: { requests: { cpu: "20m", memory: "48Mi" }, limits: { cpu: "1", memory: "256Mi" } },
          securityContext: restrictedContainer,
          volumeMounts: [
            { name: "front", mountPath: folders.traefik, readOnly: true },
            { name: "dynamic", mountPath: folders.dynamic, readOnly: true },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
      ],
      volumes: [
        ...registryVolumes(storage),
        { name: "users", secret: { secretName: usersName, defaultMode: 0o440, items: file("htpasswd") } },
        { name: "front", configMap: { name: program, items: file("traefik.yaml") } },
        {
          name: "dynamic",
          projected: {
            defaultMode: 0o440,
            sources: [
              { configMap: { name: program, items: file("routes.yaml") } },
              { secret: { name: certificate, items: [...file("tls.crt"), ...file("tls.key")] } },
              ...(writable ? [{ secret: { name: usersName, items: file("push.yaml") } }] : []),
            ],
          },
        },
        { name: "tmp", emptyDir: {} },
      ],
    },
  };
};

const file = (name: string) => [{ key: name, path: name }];

/** Declares the registry: a StatefulSet with a volume, or a Deployment. */
export const runRegistry = (
  name: string,
  declared: RegistryWorkload,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const { namespace, replicas, storage, transform } = declared;
  const metadata = { name: program, namespace, labels: labels(program) };
  const selector = { matchLabels: labels(program) };
  const template = podTemplate(declared);
  if (replicas > 1) {
    new k8s.policy.v1.PodDisruptionBudget(name, { metadata, spec: { maxUnavailable: 1, selector } }, opts);
  }
  if (!storage.volume) {
    const deployment: k8s.apps.v1.DeploymentArgs = {
      metadata,
      spec: {
        replicas,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        selector,
        template,
      },
    };
    return new k8s.apps.v1.Deployment(name, transform.deployment?.(deployment) ?? deployment, opts);
  }
  const set: k8s.apps.v1.StatefulSetArgs = {
    metadata,
    spec: {
      serviceName: program,
      replicas,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector,
      template,
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: labels(program) },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(storage.volume.className && { storageClassName: storage.volume.className }),
            resources: { requests: { storage: storage.volume.size } },
          },
        },
      ],
    },
  };
  return new k8s.apps.v1.StatefulSet(name, transform.statefulSet?.(set) ?? set, opts);
};

/** Declares the job that removes layers which no manifest names. */
export const collectGarbage = (
  name: string,
  { namespace, mirror, storage, env }: Pick<RegistryWorkload, "namespace" | "mirror" | "storage" | "env">,
  { schedule, untagged = false }: GarbageCollectionArgs,
  opts: pulumi.ComponentResourceOptions,
): k8s.batch.v1.CronJob =>
  new k8s.batch.v1.CronJob(
    `${name}-garbage-collection`,
    {
      metadata: { name: collector, namespace, labels: labels(collector) },
      spec: {
        schedule,
        timeZone: "Etc/UTC",
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: 3600,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 1,
        jobTemplate: {
          metadata: { labels: labels(collector) },
          spec: {
            backoffLimit: 1,
            template: {
              metadata: { labels: { ...labels(collector), ...storage.podLabels } },
              spec: {
                serviceAccountName: program,
                automountServiceAccountToken: false,
                enableServiceLinks: false,
                restartPolicy: "Never",
                securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
                // Only there can the volume be mounted a second time.
                ...(storage.volume && {
                  affinity: {
                    podAffinity: {
                      requiredDuringSchedulingIgnoredDuringExecution: [
                        {
                          labelSelector: { matchLabels: labels(program) },
                          topologyKey: "kubernetes.io/hostname",
                        },
                      ],
                    },
                  },
                }),
                containers: [
                  {
                    name: "garbage-collect",
                    image: image("distribution", mirror),
                    imagePullPolicy: "IfNotPresent",
                    args: [
                      "garbage-collect",
                      ...(untagged ? ["--delete-untagged"] : []),
                      `${folders.registry}/${configFile}`,
                    ],
                    env: registryEnv({ storage, env }),
                    resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "1", memory: "512Mi" } },
                    securityContext: restrictedContainer,
                    volumeMounts: registryMounts(storage),
                  },
                ],
                volumes: [
                  ...registryVolumes(storage),
                  ...(storage.volume
                    ? [{ name: "data", persistentVolumeClaim: { claimName: `data-${program}-0` } }]
                    : []),
                ],
              },
            },
          },
        },
      },
    },
    opts,
  );
