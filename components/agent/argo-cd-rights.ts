// What may each identity of Argo CD do? The least with which its own code runs; no rule here says `impersonate` or `*`.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { notifier } from "./agent.ts";

type Rule = inputs.rbac.v1.PolicyRule;

/** Group of Argo CD's kinds. */
export const argoproj = "argoproj.io";

/** In every namespace: the Applications, and what is said of them. What they hold is written with the tokens of deployers. */
export const controllerRules: Rule[] = [
  { apiGroups: [argoproj], resources: ["applications"], verbs: ["get", "list", "watch", "patch", "update"] },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

/** In its own namespace: its settings, the clusters as which it knows the apps' namespaces, and the projects. */
export const controllerHomeRules: Rule[] = [
  { apiGroups: [""], resources: ["configmaps", "secrets"], verbs: ["get", "list", "watch"] },
  { apiGroups: [argoproj], resources: ["appprojects"], verbs: ["get", "list", "watch"] },
];

/** Lets the Git server's notifier find the Applications that follow a repository and annotate them: they stand with the apps. */
export const notifierRules = (prefix: string, opts: pulumi.ComponentResourceOptions): void => {
  const name = `${notifier}:argo-cd`;
  const group = "rbac.authorization.k8s.io";
  new k8s.rbac.v1.ClusterRole(
    `${prefix}-notifier`,
    {
      metadata: { name },
      // Which field it may patch, RBAC cannot say; admission does.
      rules: [{ apiGroups: [argoproj], resources: ["applications"], verbs: ["list", "get", "patch"] }],
    },
    opts,
  );
  new k8s.rbac.v1.ClusterRoleBinding(
    `${prefix}-notifier`,
    {
      metadata: { name },
      roleRef: { apiGroup: group, kind: "ClusterRole", name },
      subjects: [{ kind: "User", name: notifier, apiGroup: group }],
    },
    opts,
  );
};
