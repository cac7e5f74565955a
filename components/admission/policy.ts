// What is a policy of the API server's admission, before it is decided where it lies?
import type { Variable } from "./cel.ts";

/** The parts of a ValidatingAdmissionPolicy that differ from one to the next. */
export interface AdmissionPolicy {
  readonly rules: readonly Matched[];
  /** Requests that the policy does not look at: those for which one of these is false. */
  readonly conditions?: readonly Variable[];
  readonly variables?: readonly Variable[];
  readonly validations: readonly { readonly expression: string; readonly messageExpression: string }[];
}

/** Requests that a policy looks at. */
export interface Matched {
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly ("*" | "CREATE" | "UPDATE" | "DELETE" | "CONNECT")[];
  readonly versions?: readonly string[];
  /** Default: "*", objects of namespaces and others. */
  readonly scope?: "*" | "Namespaced" | "Cluster";
}

/** API group and version of the kinds. */
export const admissionVersion = "admissionregistration.k8s.io/v1";

/**
 * Its spec. The reason is Invalid, never Forbidden: Pulumi's Kubernetes provider takes Forbidden during a preview for "cannot
 * ask the server" and goes green.
 */
export const policySpec = ({ rules, conditions, variables, validations }: AdmissionPolicy) => ({
  failurePolicy: "Fail",
  matchConstraints: {
    matchPolicy: "Equivalent",
    resourceRules: rules.map(({ groups, resources, operations, versions = ["*"], scope = "*" }) => ({
      apiGroups: [...groups],
      apiVersions: [...versions],
      operations: [...operations],
      resources: [...resources],
      scope,
    })),
  },
  ...(conditions && { matchConditions: [...conditions] }),
  ...(variables && { variables: [...variables] }),
  validations: validations.map((each) => ({ ...each, reason: "Invalid" })),
});
