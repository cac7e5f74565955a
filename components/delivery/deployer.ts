// What may an app's deployer write? Everything that a namespaced app is made of, and no rights: those are the platform's.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";

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

/** The same as kinds, for an agent that is told what an app may consist of. */
export const deployerKinds: { group: string; kind: string }[] = Object.entries(kinds).flatMap(([group, resources]) =>
  Object.values(resources).map((kind) => ({ group, kind })),
);
