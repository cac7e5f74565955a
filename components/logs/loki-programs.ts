// Which programs is Loki? One that does everything, or three kinds: what takes lines, what answers, what tidies up.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { image } from "../versions.ts";
import { httpProbe, labels, restrictedContainer, restrictedPod } from "../workload.ts";
import { ports } from "./loki-config.ts";
import type { Store } from "./loki-storage.ts";

/** What code may change about the programs of Loki. */
export interface LokiTransform {
  /** Changes each StatefulSet: `loki`, or `loki-write` and `loki-backend`. */
  statefulSet?: (args: k8s.apps.v1.StatefulSetArgs) => k8s.apps.v1.StatefulSetArgs;
  /** Changes the Deployment `loki-read`. */
  deployment?: (args: k8s.apps.v1.DeploymentArgs) => k8s.apps.v1.DeploymentArgs;
}

/** What all programs of one Loki share. */
export interface LokiPrograms {
  readonly namespace: string;
  readonly mirror: string | undefined;
  readonly config: pulumi.Output<string>;
  readonly tenants: string;
  /** By tenant. */
  readonly rules: ReadonlyMap<string, string>;
  readonly store: Store;
  readonly volume: { readonly size: string; readonly className: string | undefined };
  readonly transform: LokiTransform | undefined;
}

/** Label of every pod of one Loki. */
export const member = { "app.kubernetes.io/part-of": "loki" };

interface Target {
  readonly program: "loki" | "loki-write" | "loki-read" | "loki-backend";
  readonly target: "all" | "write" | "read" | "backend";
  readonly replicas: number;
  readonly keeps: boolean;
  readonly memory: { readonly request: string; readonly limit: string };
}

const single: readonly Target[] = [
  { program: "loki", target: "all", replicas: 1, keeps: true, memory: { request: "128Mi", limit: "1Gi" } },
];
// Three that write: each line is on all of them and acknowledged by two, so that one may be gone.
const scalable: readonly Target[] = [
  { program: "loki-write", target: "write", replicas: 3, keeps: true, memory: { request: "512Mi", limit: "2Gi" } },
  { program: "loki-read", target: "read", replicas: 2, keeps: false, memory: { request: "256Mi", limit: "2Gi" } },
  { program: "loki-backend", target: "backend", replicas: 2, keeps: true, memory: { request: "256Mi", limit: "2Gi" } },
];

/** Declares configuration, Services and programs. */
export const lokiPrograms = (
  name: string,
  declared: LokiPrograms,
  isScalable: boolean,
  opts: pulumi.ComponentResourceOptions,
  after: pulumi.Resource[],
): void => {
  const { namespace, config, tenants, rules } = declared;
  const metadata = { name: "loki", namespace, labels: member };
  const configuration = new k8s.core.v1.ConfigMap(
    `${name}-loki`,
    { metadata, data: { "loki.yaml": config, "tenants.yaml": tenants } },
    opts,
  );
  const ruleMap = new k8s.core.v1.ConfigMap(
    `${name}-rules`,
    {
      metadata: { ...metadata, name: "loki-rules" },
      data: Object.fromEntries([...rules].map(([tenant, text]) => [`${tenant}.yaml`, text])),
    },
    opts,
  );
  const peers = new k8s.core.v1.Service(
    `${name}-peers`,
    {
      metadata: { ...metadata, name: "loki-peers" },
      spec: {
        clusterIP: "None",
        // They look for each other before they are ready.
        publishNotReadyAddresses: true,
        selector: member,
        ports: [
          { name: "grpc", port: ports.grpc, targetPort: "grpc", protocol: "TCP" },
          { name: "memberlist", port: ports.memberlist, targetPort: "memberlist", protocol: "TCP" },
        ],
      },
    },
    opts,
  );
  const stamp = config.apply((text) =>
    createHash("sha256")
      .update(JSON.stringify([text, tenants, ...rules]))
      .digest("hex")
      .slice(0, 16),
  );
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-loki`,
    {
      metadata: { ...metadata, annotations: declared.store.identity },
      automountServiceAccountToken: false,
    },
    opts,
  );
  const folders = { ruled: [...rules.keys()], peers, configuration, ruleMap, account, stamp };
  for (const target of isScalable ? scalable : single) workload(name, declared, target, folders, opts, after);
};

interface Shared {
  /** Tenants that have rules. */
  readonly ruled: readonly string[];
  readonly peers: k8s.core.v1.Service;
  readonly configuration: k8s.core.v1.ConfigMap;
  readonly ruleMap: k8s.core.v1.ConfigMap;
  readonly account: k8s.core.v1.ServiceAccount;
  readonly stamp: pulumi.Output<string>;
}

const workload = (
  name: string,
  { namespace, mirror, store, volume, transform }: LokiPrograms,
  { program, target, replicas, keeps, memory }: Target,
  shared: Shared,
  opts: pulumi.ComponentResourceOptions,
  after: pulumi.Resource[],
): void => {
  const selected = labels(program);
  const metadata = { name: program, namespace, labels: { ...selected, ...member } };
  new k8s.core.v1.Service(
    `${name}-${program}`,
    {
      metadata,
      spec: {
        selector: selected,
        ports: [
          { name: "http", port: ports.http, targetPort: "http", protocol: "TCP" },
          { name: "grpc", port: ports.grpc, targetPort: "grpc", protocol: "TCP" },
        ],
      },
    },
    opts,
  );
  if (replicas > 1) {
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-${program}`,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: selected } } },
      opts,
    );
  }
  const template: inputs.core.v1.PodTemplateSpec = {
    metadata: {
      labels: { ...selected, ...member },
      annotations: {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": String(ports.http),
        "plumbline.dev/configuration": shared.stamp,
      },
    },
    spec: {
      serviceAccountName: shared.account.metadata.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // What takes lines hands its part of the ring over and writes down what it holds.
      terminationGracePeriodSeconds: keeps ? 300 : 60,
      securityContext: { ...restrictedPod, fsGroupChangePolicy: "OnRootMismatch" },
      ...(replicas > 1 && {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "kubernetes.io/hostname",
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: selected },
          },
        ],
      }),
      containers: [
        {
          name: "loki",
          image: image("loki", mirror),
          imagePullPolicy: "IfNotPresent",
          args: ["-config.file=/etc/loki/config/loki.yaml", "-config.expand-env=true", `-target=${target}`],
          env: [
            { name: "GOMEMLIMIT", value: memory.limit.replace(/(\d+)Gi/, (_, gigabytes) => `${+gigabytes * 900}MiB`) },
            ...store.env,
          ],
          ports: [
            { name: "http", containerPort: ports.http, protocol: "TCP" },
            { name: "grpc", containerPort: ports.grpc, protocol: "TCP" },
            { name: "memberlist", containerPort: ports.memberlist, protocol: "TCP" },
          ],
          // After a kill it reads back what it had acknowledged; only then does it answer.
          startupProbe: { ...httpProbe("/ready", "http"), periodSeconds: 2, failureThreshold: 300 },
          readinessProbe: { ...httpProbe("/ready", "http"), periodSeconds: 5 },
          // Not /ready: a peer that is gone makes it unready, and a restart would not bring that one back.
          livenessProbe: { ...httpProbe("/loki/api/v1/status/buildinfo", "http"), failureThreshold: 6 },
          resources: {
            requests: { cpu: "100m", memory: memory.request },
            limits: { cpu: "2", memory: memory.limit },
          },
          securityContext: restrictedContainer,
          volumeMounts: [
            { name: "configuration", mountPath: "/etc/loki/config", readOnly: true },
            // A folder for each tenant, each mounted by itself: the hidden folders of a mount would be taken for tenants.
            ...shared.ruled.map((tenant, index) => ({
              name: `rules-${index}`,
              mountPath: `/etc/loki/rules/${tenant}`,
              readOnly: true,
            })),
            { name: "data", mountPath: "/var/loki" },
            { name: "temporary", mountPath: "/tmp" },
            ...store.volumeMounts,
          ],
        },
      ],
      volumes: [
        { name: "configuration", configMap: { name: shared.configuration.metadata.name } },
        ...shared.ruled.map((tenant, index) => ({
          name: `rules-${index}`,
          configMap: {
            name: shared.ruleMap.metadata.name,
            items: [{ key: `${tenant}.yaml`, path: "rules.yaml" }],
          },
        })),
        { name: "temporary", emptyDir: {} },
        ...(keeps ? [] : [{ name: "data", emptyDir: {} }]),
        ...store.volumes,
      ],
    },
  };
  const placed = { ...opts, dependsOn: after };
  if (!keeps) {
    const deployment: k8s.apps.v1.DeploymentArgs = {
      metadata,
      spec: { replicas, selector: { matchLabels: selected }, template },
    };
    new k8s.apps.v1.Deployment(`${name}-${program}`, transform?.deployment?.(deployment) ?? deployment, placed);
    return;
  }
  const set: k8s.apps.v1.StatefulSetArgs = {
    metadata,
    spec: {
      serviceName: shared.peers.metadata.name,
      replicas,
      podManagementPolicy: "Parallel",
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      selector: { matchLabels: selected },
      template,
      volumeClaimTemplates: [
        {
          metadata: { name: "data", labels: selected },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(volume.className && { storageClassName: volume.className }),
            resources: { requests: { storage: volume.size } },
          },
        },
      ],
    },
  };
  new k8s.apps.v1.StatefulSet(`${name}-${program}`, transform?.statefulSet?.(set) ?? set, placed);
};
