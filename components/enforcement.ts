// How does Git become the only way into some namespaces of a cluster that others run? By policies of its API server.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { literal, some } from "./admission/cel.ts";
import { gitOnly } from "./admission/git-only.ts";
import { type AdmissionPolicy, policySpec } from "./admission/policy.ts";
import { objectName } from "./check.ts";
import { problemsOf } from "./delivery/app.ts";
import { type Problem, refuse } from "./problems.ts";

/** Which namespaces take changes from Git alone, and who brings them. */
export interface Enforce {
  /** Namespaces in which every other write is refused. */
  readonly namespaces: readonly string[];
  /** Namespaces in which such a write gets a warning, and an entry of the audit log, and is let through. Default: none. */
  readonly observe?: readonly string[];
  /** Users who may write there nevertheless: whoever runs Pulumi, and programs that the platform does not know. Default: none. */
  readonly users?: readonly string[];
  /** Groups of such users. Default: none. One user or group at least is needed. */
  readonly groups?: readonly string[];
}

/** Arguments of {@link Enforcement}. */
export interface EnforcementArgs {
  /** URL of the repository that refusals name, where a namespace names none of its own. */
  repository: string;
  /** Namespaces in which every write is refused that does not come from Git. */
  namespaces: string[];
  /** Namespaces in which such a write gets a warning, and an entry of the audit log, and is let through. Default: none. */
  observe?: string[];
  /** Users who may write there nevertheless: whoever runs Pulumi, and programs that the platform does not know. Default: none. */
  users?: string[];
  /** Groups of such users. Default: none. One user or group at least is needed. */
  groups?: string[];
}

/** Namespaces that hold the cluster itself. */
const ofCluster = ["kube-system", "kube-public", "kube-node-lease"];

const namespace = objectName.refine(
  (name) => !ofCluster.includes(name),
  "a namespace of programs: those of the cluster itself are written by whoever runs it",
);
const principal = z
  .string()
  .regex(/^[^\s"\\]+$/, 'a user or a group as the API server calls it: "system:serviceaccount:ci:runner"');

export const enforceSchema = z.strictObject({
  namespaces: z.array(namespace),
  observe: z.array(namespace).exactOptional(),
  users: z.array(principal).exactOptional(),
  groups: z.array(principal).exactOptional(),
});

/** Groups that are nearly everybody: with one of them, nothing would be refused. */
const everybody = ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"];

/** What is wrong with it as a whole, where each field is right. */
export const enforceProblems = (
  { namespaces, observe = [], users = [], groups = [] }: Enforce,
  prefix: string,
): Problem[] => {
  const problems: Problem[] = [];
  const at = (field: string, value: unknown, allowed: string) =>
    problems.push({ field: `${prefix}${field}`, value, allowed });
  if (namespaces.length + observe.length === 0)
    at("namespaces", namespaces, "at least one namespace, here or in observe");
  if (users.length + groups.length === 0)
    at(
      "groups",
      groups,
      "at least one user or group: whoever runs `pulumi up`, who could change nothing there otherwise",
    );
  for (const group of groups.filter((each) => everybody.includes(each)))
    at("groups", group, "a group of those who run Pulumi: with this one nothing would be refused");
  for (const both of observe.filter((each) => namespaces.includes(each)))
    at("observe", both, "a namespace that is not among those in which writes are refused");
  return problems;
};

/**
 * Makes Git the only way into some namespaces: a ValidatingAdmissionPolicy with the same table of writers as on the local
 * cluster, bound to these namespaces alone. It is an object like any other: whoever may delete it can end it, which the next
 * preview shows.
 *
 * @example
 * new Enforcement("enforce", { repository: "https://git.example.com/you/platform.git", namespaces: ["shop"], groups: ["ci"] });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Enforcement extends pulumi.ComponentResource {
  constructor(name: string, args: EnforcementArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { repository, ...enforce } = args;
    const problems = problemsOf(enforceSchema.safeParse(enforce), enforce, "");
    refuse(`Enforcement ${name}`, problems.length > 0 ? problems : enforceProblems(enforce, ""));
    super("plumbline:index:Enforcement", name, { ...args }, opts);
    const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
      name,
      { metadata: { name: policyName }, spec: policySpec(policyOf(args)) },
      { parent: this },
    );
    const bind = (part: string, namespaces: readonly string[], validationActions: string[]) =>
      namespaces.length > 0 &&
      new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
        `${name}-${part}`,
        {
          metadata: { name: `${policyName}-${part}` },
          spec: {
            policyName,
            validationActions,
            matchResources: {
              namespaceSelector: {
                // The API server itself writes this label, and nobody can change it.
                matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: [...namespaces] }],
              },
            },
          },
        },
        { parent: this, dependsOn: policy },
      );
    bind("enforced", args.namespaces, ["Deny"]);
    bind("observed", args.observe ?? [], ["Warn", "Audit"]);
    this.registerOutputs({});
  }
}

/** Name of the policy in the cluster, and the start of the names of its bindings. */
export const policyName = "plumbline-git-only";

/** What is refused in the namespaces that a binding names. */
export const policyOf = ({ repository, users = [], groups = [] }: EnforcementArgs): AdmissionPolicy => {
  const named = some(
    "false",
    ...(users.length > 0 ? [`has(request.userInfo.username) && request.userInfo.username in ${literal(users)}`] : []),
    ...(groups.length > 0
      ? [`has(request.userInfo.groups) && request.userInfo.groups.exists(group, group in ${literal(groups)})`]
      : []),
  );
  return {
    ...gitOnly(
      { repository, place: "namespace" },
      {
        condition: { name: "not-those-who-write-for-git", expression: `!(${named})` },
        name: [...users, ...groups].join(", "),
      },
    ),
    // A selector of namespaces would let every object through to the policy that is in none.
    rules: [
      { groups: ["*"], resources: ["*/*"], operations: ["*"], scope: "Namespaced" },
      { groups: [""], resources: ["namespaces"], operations: ["UPDATE", "DELETE"], scope: "Cluster" },
    ],
  };
};
