// What does the API server count for us that no program exposes? Deliveries, their failures, and changes past Git.
import * as k8s from "@pulumi/kubernetes";
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";
import type * as pulumi from "@pulumi/pulumi";
import { policyName, type Signal } from "./metrics.ts";

interface Counted {
  readonly rules: inputs.admissionregistration.v1.NamedRuleWithOperations[];
  /** Objects that carry this label alone. */
  readonly labelled?: string;
  /** Objects of namespaces that carry this label alone. */
  readonly inNamespaceLabelled?: string;
  /** CEL, by name; all must hold. */
  readonly when: Readonly<Record<string, string>>;
}

const flux = (group: string, resource: string): inputs.admissionregistration.v1.NamedRuleWithOperations[] => [
  { apiGroups: [`${group}.toolkit.fluxcd.io`], apiVersions: ["*"], operations: ["UPDATE"], resources: [resource] },
];

// Not failures: the app waits for another one, or a newer commit has come.
const waiting = '["DependencyNotReady", "HealthCheckCanceled", "Progressing", "ProgressingWithRetry"]';
const failed =
  'has(object.status) && has(object.status.conditions) && object.status.conditions.exists(c, c.type == "Ready" && ' +
  `c.status == "False" && !(c.reason in ${waiting}))`;
const changed = (field: string): string => {
  const path = field.split(".");
  const has = path.map((_, index) => `has(object.status.${path.slice(0, index + 1).join(".")})`).join(" && ");
  const before = path.map((_, index) => `has(oldObject.status.${path.slice(0, index + 1).join(".")})`).join(" && ");
  return (
    `has(object.status) && ${has} && !(has(oldObject.status) && ${before} && ` +
    `oldObject.status.${field} == object.status.${field})`
  );
};

// The agent's deployers, the loops of the cluster and its nodes: who writes an app's objects without being drift.
const byAnotherThanTheAgent =
  '!request.userInfo.username.endsWith(":deployer") && !("system:nodes" in request.userInfo.groups) && ' +
  '!("system:serviceaccounts:kube-system" in request.userInfo.groups) && ' +
  '!(request.userInfo.username in ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver"])';
const reallyDone = "!has(request.dryRun) || request.dryRun != true";

const signals = {
  /** source-controller has a commit that it did not have. */
  commit: { rules: flux("source", "gitrepositories/status"), when: { new: changed("artifact.revision") } },
  /** A commit is applied to an app. */
  delivery: {
    rules: flux("kustomize", "kustomizations/status"),
    when: { new: changed("lastAppliedRevision") },
  },
  /** The agent could not fetch, build, apply or see healthy; it counts on with each try. */
  "delivery-failed": {
    rules: [...flux("kustomize", "kustomizations/status"), ...flux("source", "gitrepositories/status")],
    when: { failed },
  },
  /** Somebody else wrote an object that the agent delivered. */
  drift: {
    rules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE", "UPDATE", "DELETE"], resources: ["*"] }],
    labelled: "kustomize.toolkit.fluxcd.io/name",
    when: { foreign: byAnotherThanTheAgent, done: reallyDone },
  },
  /** The same for the number of replicas, which is written without the labels of what it belongs to. */
  "drift-scale": {
    rules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["UPDATE"], resources: ["*/scale"] }],
    inNamespaceLabelled: "plumbline.dev/app",
    when: { foreign: byAnotherThanTheAgent, done: reallyDone },
  },
} as const satisfies Record<Signal, Counted>;

/**
 * Declares the signals: admission policies that never refuse. Each fails on purpose for the requests that it is about, with
 * the action `Audit`, and the API server counts that (`apiserver_validating_admission_policy_check_total`, Kubernetes 1.30
 * and later). Neither Flux nor the API server has a figure for the state of a delivery.
 */
export const declareSignals = (name: string, opts: pulumi.ComponentResourceOptions): void => {
  for (const [signal, declared] of Object.entries<Counted>(signals)) {
    const { rules, labelled, inNamespaceLabelled, when } = declared;
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      `${name}-signal-${signal}`,
      {
        metadata: { name: policyName(signal as Signal) },
        spec: {
          // Counting is worth no refused write.
          failurePolicy: "Ignore",
          matchConstraints: {
            resourceRules: rules,
            ...(labelled && { objectSelector: { matchExpressions: [{ key: labelled, operator: "Exists" }] } }),
            ...(inNamespaceLabelled && {
              namespaceSelector: { matchExpressions: [{ key: inNamespaceLabelled, operator: "Exists" }] },
            }),
          },
          matchConditions: Object.entries(when).map(([condition, expression]) => ({ name: condition, expression })),
          validations: [{ expression: "false", message: `counted as ${signal}` }],
        },
      },
      opts,
    );
    new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      `${name}-signal-${signal}`,
      {
        metadata: { name: policyName(signal as Signal) },
        spec: { policyName: policy.metadata.name, validationActions: ["Audit"] },
      },
      opts,
    );
  }
};
