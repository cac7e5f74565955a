// What may an app's deployer write? Everything that a namespaced app is made of, and no rights: those are the platform's.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";

const verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];

/** Rules of the Role `deployer` in the namespace of an app. */
export const deployerRules: inputs.rbac.v1.PolicyRule[] = [
  {
    apiGroups: [""],
    resources: [
      "configmaps",
      "endpoints",
      "limitranges",
      "persistentvolumeclaims",
      "pods",
      "podtemplates",
      "replicationcontrollers",
      "resourcequotas",
      "secrets",
      "serviceaccounts",
      "services",
    ],
    verbs,
  },
  {
    apiGroups: ["apps"],
    resources: ["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"],
    verbs,
  },
  { apiGroups: ["batch"], resources: ["cronjobs", "jobs"], verbs },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "networkpolicies"], verbs },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs },
];
