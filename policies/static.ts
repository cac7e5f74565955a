// What does a policy look like in the folder from which the API server reads its static admission policies?
import { dump } from "js-yaml";
import { type AdmissionPolicy, admissionVersion, policySpec } from "../components/admission/policy.ts";

export interface StaticPolicy extends AdmissionPolicy {
  /** First part of the name; the rest is the suffix that the API server reserves for static policies. */
  readonly name: string;
}

/**
 * The policy and its binding as one file: the API server reads a folder as a whole and refuses a binding without its
 * policy. No parameters, which static policies cannot have.
 */
export const staticManifest = ({ name: first, ...policy }: StaticPolicy): string => {
  const name = `${first}.plumbline.static.k8s.io`;
  const documents = [
    {
      apiVersion: admissionVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: policySpec(policy),
    },
    {
      apiVersion: admissionVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
  return documents.map((each) => `---\n${dump(each, { lineWidth: 120 })}`).join("");
};
