// What may an app's deployer write? Everything that a namespaced app is made of, and no rights: those are the platform's.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type { KubernetesObject } from "./manifests.ts";

const verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];

/** Group → resource → kind. */
const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    configmaps: "ConfigMap",
    endpoints: "Endpoints",
    limitranges: "LimitRange",
    persistentvolumeclaims: "PersistentVolumeClaim",
    pods: "Pod",
    podtemplates: "PodTemplate",
    replicationcontrollers: "ReplicationController",
    resourcequotas: "ResourceQuota",
    secrets: "Secret",
    serviceaccounts: "ServiceAccount",
    services: "Service",
  },
  apps: {
    controllerrevisions: "ControllerRevision",
    daemonsets: "DaemonSet",
    deployments: "Deployment",
    replicasets: "ReplicaSet",
    statefulsets: "StatefulSet",
  },
  batch: { cronjobs: "CronJob", jobs: "Job" },
  autoscaling: { horizontalpodautoscalers: "HorizontalPodAutoscaler" },
  "discovery.k8s.io": { endpointslices: "EndpointSlice" },
  "networking.k8s.io": { ingresses: "Ingress", networkpolicies: "NetworkPolicy" },
  policy: { poddisruptionbudgets: "PodDisruptionBudget" },
};

/** Rules of the Role `deployer` in the namespace of an app. */
export const deployerRules: inputs.rbac.v1.PolicyRule[] = Object.entries(kinds).map(([group, resources]) => ({
  apiGroups: [group],
  resources: Object.keys(resources),
  verbs,
}));

/** Kinds that a deployer could write by its role, and admission keeps from it: how much an app may use. */
const ofPlatform = ["LimitRange", "ResourceQuota"];

/** Whether an app may consist of objects of a kind: its deployer writes them, and no others. */
export const mayBring = ({ apiVersion, kind }: Pick<KubernetesObject, "apiVersion" | "kind">): boolean =>
  !ofPlatform.includes(kind) && deployerKinds.some((each) => each.kind === kind && each.group === groupOf(apiVersion));

const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? apiVersion.replace(/\/.*$/, "") : "");

/** Why the deployer of an app may not write an object; undefined where it may. */
export const refusedToDeployer = (
  { apiVersion, kind, metadata }: KubernetesObject,
  namespace: string,
): string | undefined => {
  if (!mayBring({ apiVersion, kind }))
    return `an app may not bring a ${kind} of ${groupOf(apiVersion) || "the core group"}: have the platform bring it, or leave it out`;
  if (metadata.namespace !== undefined && metadata.namespace !== namespace)
    return `an app may not write into the namespace ${metadata.namespace}, but into ${namespace} alone: leave it out`;
  return undefined;
};

/** The same as kinds, for an agent that is told what an app may consist of. */
export const deployerKinds: { group: string; kind: string }[] = Object.entries(kinds).flatMap(([group, resources]) =>
  Object.values(resources).map((kind) => ({ group, kind })),
);
