// What does a policy look like in the folder from which the API server reads its static admission policies?
import { dump } from "js-yaml";
import type { Variable } from "./cel.ts";

export interface StaticPolicy {
  /** First part of the name; the rest is the suffix that the API server reserves for static policies. */
  readonly name: string;
  readonly rules: readonly Matched[];
  /** Requests that the policy does not look at: those for which one of these is false. */
  readonly conditions?: readonly Variable[];
  readonly variables?: readonly Variable[];
  readonly validations: readonly { readonly expression: string; readonly messageExpression: string }[];
}

export interface Matched {
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly ("*" | "CREATE" | "UPDATE" | "DELETE" | "CONNECT")[];
  readonly versions?: readonly string[];
}

/**
 * The policy and its binding as one file: the API server reads a folder as a whole and refuses a binding without its
 * policy. No parameters, which static policies cannot have. The reason is Invalid, never Forbidden: Pulumi's Kubernetes
 * provider takes Forbidden during a preview for "cannot ask the server" and goes green.
 */
export const staticManifest = (policy: StaticPolicy): string => {
  const name = `${policy.name}.plumbline.static.k8s.io`;
  const apiVersion = "admissionregistration.k8s.io/v1";
  const documents = [
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          matchPolicy: "Equivalent",
          resourceRules: policy.rules.map(({ groups, resources, operations, versions = ["*"] }) => ({
            apiGroups: groups,
            apiVersions: versions,
            operations,
            resources,
            scope: "*",
          })),
        },
        ...(policy.conditions && { matchConditions: policy.conditions }),
        ...(policy.variables && { variables: policy.variables }),
        validations: policy.validations.map((each) => ({ ...each, reason: "Invalid" })),
      },
    },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
  return documents.map((each) => `---\n${dump(each, { lineWidth: 120 })}`).join("");
};
