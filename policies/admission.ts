// What does the API server refuse, whatever RBAC allows? Static policies that make Git the only way into the cluster.
import { every, literal, some } from "../components/admission/cel.ts";
import {
  type GitOnlyOptions,
  gitOnly,
  notTheServer,
  request,
  source,
  type Writers,
} from "../components/admission/git-only.ts";
import { names } from "../components/admission/identities.ts";
import { type Exemption, type Rule, ruleManifest } from "./rule.ts";
import { rules as allRules } from "./rules/index.ts";
import { staticManifest } from "./static.ts";

export interface AdmissionOptions extends GitOnlyOptions {
  /** Objects that a rule does not hold for. */
  readonly exemptions?: readonly Exemption[];
  /** Day that decides which exemptions have expired. Default: today. */
  readonly today?: Date;
}

/**
 * The files for the folder `staticManifestsDir` of the API server's ValidatingAdmissionPolicy plugin, one policy with its
 * binding in each. They hold from its first request on, are invisible through the API and cannot be changed through it.
 */
export const admissionManifests = (options: AdmissionOptions): string[] => [
  writes(options),
  rights(options),
  deployerIdentity(options),
  ...allRules
    .filter((rule): rule is Rule & { scope: "object" } => rule.scope === "object")
    .map((rule) => ruleManifest(rule, options)),
];

const ci: Writers = {
  condition: { name: "not-ci", expression: `!(${literal(names.ci)} in request.userInfo.groups)` },
  name: names.ci,
};

const writes = (options: AdmissionOptions): string => staticManifest({ name: "git-only", ...gitOnly(options, ci) });

/**
 * Roles with which somebody could pass for somebody else, and bindings that hand them out. Upstream's `edit`, and with it
 * `admin`, holds `impersonate` on ServiceAccounts, so nobody may be bound to them either.
 */
const rights = (options: AdmissionOptions): string =>
  staticManifest({
    name: "rights",
    rules: [
      {
        groups: ["rbac.authorization.k8s.io"],
        resources: ["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
        operations: ["CREATE", "UPDATE"],
      },
    ],
    conditions: [
      notTheServer,
      {
        name: "not-the-aggregation-of-built-in-roles",
        expression:
          '!(request.userInfo.username == "system:serviceaccount:kube-system:clusterrole-aggregation-controller" && request.resource.resource == "clusterroles")',
      },
    ],
    variables: [...request, source(options)],
    validations: [
      {
        expression: some(
          '!(object.kind in ["Role", "ClusterRole"])',
          "!has(object.rules)",
          'object.rules.all(r, !has(r.verbs) || !r.verbs.exists(v, v == "*" || v.startsWith("impersonate")))',
        ),
        messageExpression:
          'variables.target + " would hold the verb impersonate (or *): with it somebody could act as another identity, which admission cannot see. List the verbs that are needed, in " + variables.source',
      },
      {
        expression: some('object.kind != "ClusterRole"', "!has(object.aggregationRule)"),
        messageExpression:
          'variables.target + " would gather the rules of other roles, impersonate among them: list the rules themselves, in " + variables.source',
      },
      {
        expression: some(
          '!(object.kind in ["RoleBinding", "ClusterRoleBinding"])',
          'object.roleRef.kind != "ClusterRole"',
          `!(object.roleRef.name in ${literal(tooWide)})`,
          // The API server asks kubelets for logs and streams as this user, over their own port.
          every(
            'object.roleRef.name == "system:kubelet-api-admin"',
            "has(object.subjects) && size(object.subjects) == 1",
            `object.subjects[0].kind == "User" && object.subjects[0].name == ${literal(names.kubeletClient)}`,
          ),
        ),
        messageExpression:
          'variables.target + " would give the built-in role " + object.roleRef.name + ", which holds impersonate or *: bind a role that lists what is needed, in " + variables.source',
      },
      {
        expression: some(
          '!(object.kind in ["RoleBinding", "ClusterRoleBinding"])',
          "!has(object.subjects)",
          'object.subjects.all(s, s.kind != "Group" || !(s.name in ["system:masters", "system:unauthenticated"]))',
        ),
        messageExpression:
          'variables.target + " would give rights to system:masters or to everybody without a name: name the identity that needs them, in " + variables.source',
      },
    ],
  });

/** Built-in ClusterRoles that hold `impersonate` or `*`, themselves or by aggregation. */
export const tooWide = [
  "cluster-admin",
  "admin",
  "edit",
  "system:aggregate-to-edit",
  "system:aggregate-to-admin",
  "system:kubelet-api-admin",
  "system:controller:clusterrole-aggregation-controller",
];

const podCarriers = [
  {
    groups: [""],
    resources: ["pods", "podtemplates", "replicationcontrollers"],
    operations: ["CREATE", "UPDATE"] as const,
  },
  {
    groups: ["apps"],
    resources: ["deployments", "replicasets", "statefulsets", "daemonsets"],
    operations: ["CREATE", "UPDATE"] as const,
  },
  { groups: ["batch"], resources: ["jobs", "cronjobs"], operations: ["CREATE", "UPDATE"] as const },
];

/** A deployer's rights are for the agent alone: no pod runs as one, and no token of one lies in a Secret. */
const deployerIdentity = (options: AdmissionOptions): string =>
  staticManifest({
    name: "deployer-identity",
    rules: [...podCarriers, { groups: [""], resources: ["secrets"], operations: ["CREATE", "UPDATE"] }],
    variables: [
      ...request,
      source(options),
      {
        name: "spec",
        expression:
          'object.kind == "Secret" ? null : object.kind == "Pod" ? object.spec : object.kind == "CronJob" ? object.spec.jobTemplate.spec.template.spec : ' +
          'object.kind == "PodTemplate" ? object.template.spec : has(object.spec.template) ? object.spec.template.spec : null',
      },
    ],
    validations: [
      {
        expression: some(
          "variables.spec == null",
          every(
            `!has(variables.spec.serviceAccountName) || variables.spec.serviceAccountName != ${literal(names.deployer)}`,
            `!has(variables.spec.serviceAccount) || variables.spec.serviceAccount != ${literal(names.deployer)}`,
          ),
        ),
        messageExpression: `variables.target + " would run as the ServiceAccount ${names.deployer}, whose rights are for the agent alone: name a ServiceAccount of its own, in " + variables.source`,
      },
      {
        expression: some(
          'object.kind != "Secret"',
          '!has(object.type) || object.type != "kubernetes.io/service-account-token"',
          '!has(object.metadata.annotations) || !("kubernetes.io/service-account.name" in object.metadata.annotations)',
          `object.metadata.annotations["kubernetes.io/service-account.name"] != ${literal(names.deployer)}`,
        ),
        messageExpression: `variables.target + " would hold a token of the ServiceAccount ${names.deployer} that never ends: its rights are for the agent alone. Remove it, in " + variables.source`,
      },
    ],
  });
