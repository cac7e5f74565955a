// What may each identity of Flux do? The least with which its own code runs; no rule here says `impersonate` or `*`.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { notifier } from "./agent.ts";

type Rule = inputs.rbac.v1.PolicyRule;

const sources = "source.toolkit.fluxcd.io";
const kustomizations = "kustomize.toolkit.fluxcd.io";
const releases = "helm.toolkit.fluxcd.io";

const events: Rule = { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] };

const written = ["gitrepositories", "helmcharts", "ocirepositories"];

/** source-controller: all its kinds are watched from the start; only those that the platform declares are written. */
export const sourceControllerRules: Rule[] = [
  events,
  {
    apiGroups: [sources],
    resources: ["buckets", "gitrepositories", "helmcharts", "helmrepositories", "ocirepositories"],
    verbs: ["get", "list", "watch"],
  },
  { apiGroups: [sources], resources: written, verbs: ["patch", "update"] },
  { apiGroups: [sources], resources: written.map((kind) => `${kind}/finalizers`), verbs: ["update"] },
  { apiGroups: [sources], resources: written.map((kind) => `${kind}/status`), verbs: ["get", "patch", "update"] },
];

/** helm-controller: its own objects and the charts, as kustomize-controller has its own and the sources. */
export const helmControllerRules: Rule[] = [
  events,
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get", "list", "watch"] },
  { apiGroups: [releases], resources: ["helmreleases"], verbs: ["get", "list", "watch", "patch", "update"] },
  { apiGroups: [releases], resources: ["helmreleases/finalizers"], verbs: ["update"] },
  { apiGroups: [releases], resources: ["helmreleases/status"], verbs: ["get", "patch", "update"] },
  { apiGroups: [sources], resources: ["helmcharts", "ocirepositories"], verbs: ["get", "list", "watch"] },
];

/**
 * kustomize-controller: its own objects and the sources. It reads no Secret, and what it applies is written with the
 * token of an app's deployer: that right it has in the namespaces of apps alone.
 */
export const kustomizeControllerRules: Rule[] = [
  events,
  // Its client caches ServiceAccounts, which hold no secret, before it asks for the token of one.
  { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get", "list", "watch"] },
  { apiGroups: [kustomizations], resources: ["kustomizations"], verbs: ["get", "list", "watch", "patch", "update"] },
  { apiGroups: [kustomizations], resources: ["kustomizations/finalizers"], verbs: ["update"] },
  { apiGroups: [kustomizations], resources: ["kustomizations/status"], verbs: ["get", "patch", "update"] },
  {
    apiGroups: [sources],
    resources: ["buckets", "gitrepositories", "ocirepositories"],
    verbs: ["get", "list", "watch"],
  },
];

/** Lets the notifier find the sources that follow a repository, and which apps they bring, and annotate them. */
export const notifierRules = (prefix: string, namespace: string, opts: pulumi.ComponentResourceOptions): void => {
  const subjects = [{ kind: "User", name: notifier, apiGroup: "rbac.authorization.k8s.io" }];
  const bind = (kind: "ClusterRole" | "Role") => ({ apiGroup: "rbac.authorization.k8s.io", kind, name: notifier });
  new k8s.rbac.v1.ClusterRole(
    `${prefix}-notifier-finds`,
    {
      metadata: { name: notifier },
      rules: [
        { apiGroups: [sources], resources: ["gitrepositories", "helmcharts"], verbs: ["list"] },
        { apiGroups: [kustomizations], resources: ["kustomizations"], verbs: ["get", "list"] },
      ],
    },
    opts,
  );
  new k8s.rbac.v1.ClusterRoleBinding(
    `${prefix}-notifier-finds`,
    { metadata: { name: notifier }, roleRef: bind("ClusterRole"), subjects },
    opts,
  );
  // Which field it may patch, RBAC cannot say; admission does.
  new k8s.rbac.v1.Role(
    `${prefix}-notifier-tells`,
    {
      metadata: { name: notifier, namespace },
      rules: [{ apiGroups: [sources], resources: ["gitrepositories"], verbs: ["get", "patch"] }],
    },
    opts,
  );
  new k8s.rbac.v1.RoleBinding(
    `${prefix}-notifier-tells`,
    { metadata: { name: notifier, namespace }, roleRef: bind("Role"), subjects },
    opts,
  );
};
