// Which policy makes Git the only way into a cluster, or into some of its namespaces?
import { every, literal, some, type Variable } from "./cel.ts";
import { deployersOnly, nodesOnly } from "./conditions.ts";
import { type Grant, type Identity, identities, names, sourceAnnotation } from "./identities.ts";
import type { AdmissionPolicy } from "./policy.ts";

export interface GitOnlyOptions {
  /** URL of the platform's repository, named by refusals in namespaces that do not name their own source. */
  readonly repository: string;
  /** What takes changes from Git alone. Default: "cluster". */
  readonly place?: "cluster" | "namespace";
  /** Writes of programs that the platform's layers bring along, beside the built-in table. */
  readonly identities?: readonly Identity[];
}

/** Where the content of the namespace of a request comes from. */
export const source = ({ repository }: Pick<GitOnlyOptions, "repository">): Variable => ({
  name: "source",
  expression:
    `namespaceObject != null && has(namespaceObject.metadata.annotations) && ${literal(sourceAnnotation)} in namespaceObject.metadata.annotations ` +
    `? namespaceObject.metadata.annotations[${literal(sourceAnnotation)}] : ${literal(`${repository} stacks/`)}`,
});

/** What is asked, and by whom, in words. */
export const request: readonly Variable[] = [
  { name: "who", expression: 'has(request.userInfo.username) ? request.userInfo.username : ""' },
  { name: "groups", expression: "has(request.userInfo.groups) ? request.userInfo.groups : []" },
  { name: "ns", expression: 'has(request.namespace) ? request.namespace : ""' },
  { name: "part", expression: 'has(request.subResource) ? request.subResource : ""' },
  {
    name: "resource",
    expression:
      '(request.resource.group == "" ? "" : request.resource.group + "/") + request.resource.resource + (variables.part == "" ? "" : "/" + variables.part)',
  },
  { name: "what", expression: 'request.operation + " " + variables.resource' },
  {
    name: "target",
    expression:
      'variables.resource + (variables.ns == "" || request.resource.resource == "namespaces" ? "" : " " + variables.ns + "/") + ' +
      '(request.resource.resource == "namespaces" || variables.ns == "" ? " " : "") + (has(request.name) ? request.name : "")',
  },
];

/** Not the API server's own loopback identity; nobody can ask for a certificate with this name and this group. */
export const notTheServer: Variable = {
  name: "not-the-api-server",
  expression: '!(request.userInfo.username == "system:apiserver" && "system:masters" in request.userInfo.groups)',
};

/** Those who write what Git says: their requests are not looked at. */
export interface Writers {
  /** CEL that is false for their requests. */
  readonly condition: Variable;
  /** As refusals call them. */
  readonly name: string;
}

/** Refuses every write that the table does not name, and says where to make the change instead. */
export const gitOnly = (options: GitOnlyOptions, { condition, name }: Writers): AdmissionPolicy => {
  const table = [...identities, ...(options.identities ?? [])];
  return {
    rules: [{ groups: ["*"], resources: ["*/*"], operations: ["*"] }],
    conditions: [notTheServer, condition],
    variables: [
      ...request,
      source(options),
      { name: "table", expression: literal(plainGrants(table)) },
      { name: "granted", expression: "variables.who in variables.table ? variables.table[variables.who] : []" },
      {
        name: "inTable",
        expression: some(
          "variables.what in variables.granted",
          '(request.operation + " *") in variables.granted',
          'variables.part != "" && (request.operation + " */" + variables.part) in variables.granted',
        ),
      },
      { name: "conditional", expression: some("false", ...table.flatMap(conditionalGrants)) },
      {
        name: "account",
        expression: 'variables.who.startsWith("system:serviceaccount:") ? variables.who.split(":")[2] : ""',
      },
      {
        // Whoever runs a program may say what happens to it, and elect its leader, where it lives.
        name: "chatter",
        expression: some(
          every(
            'variables.resource in ["events", "events.k8s.io/events"]',
            'request.operation in ["CREATE", "UPDATE"]',
            some(
              "variables.who in variables.table",
              '"system:nodes" in variables.groups',
              'variables.ns == variables.account && variables.account != ""',
            ),
          ),
          every(
            'variables.resource == "coordination.k8s.io/leases"',
            'request.operation in ["CREATE", "UPDATE"]',
            'variables.ns == variables.account && variables.account != ""',
          ),
        ),
      },
      { name: "node", expression: nodesOnly },
      { name: "deployer", expression: deployersOnly },
      {
        name: "bootstrap",
        expression: every(
          '"system:masters" in variables.groups',
          'variables.resource in ["rbac.authorization.k8s.io/clusterroles", "rbac.authorization.k8s.io/clusterrolebindings"]',
          'request.operation in ["CREATE", "UPDATE"]',
          `request.name in ${literal(names.bootstrapObjects)}`,
        ),
      },
    ],
    validations: [
      {
        expression: some(
          "variables.inTable",
          "variables.conditional",
          "variables.chatter",
          "variables.node",
          "variables.deployer",
          "variables.bootstrap",
        ),
        messageExpression:
          'request.operation == "CONNECT" ' +
          `? variables.who + " may not connect to " + variables.target + ": nobody but ${name} opens a way into running programs. What a program does is changed in " + variables.source ` +
          ': variables.who + " may not " + request.operation.lowerAscii() + " " + variables.target + ": this ' +
          `${options.place ?? "cluster"} takes changes from Git alone. Make the change in " + variables.source + ", commit and push it."`,
      },
    ],
  };
};

const userOf = ({ user, serviceAccount }: Identity): string =>
  user ?? `system:serviceaccount:${serviceAccount as string}`;

const keys = ({ verbs, on }: Grant): string[] =>
  verbs.flatMap((verb) => on.map((each) => `${verb.toUpperCase()} ${each}`));

const plainGrants = (table: readonly Identity[]): Record<string, string[]> => {
  const granted: Record<string, string[]> = {};
  for (const identity of table) {
    const plain = identity.grants.filter(({ namespaces, when }) => !namespaces && !when);
    granted[userOf(identity)] = [...(granted[userOf(identity)] ?? []), ...plain.flatMap(keys)];
  }
  return granted;
};

const conditionalGrants = (identity: Identity): string[] =>
  identity.grants
    .filter(({ namespaces, when }) => namespaces || when)
    .map((each) =>
      every(
        `variables.who == ${literal(userOf(identity))}`,
        `variables.what in ${literal(keys(each))}`,
        ...(each.namespaces ? [`variables.ns in ${literal(each.namespaces)}`] : []),
        ...(each.when ? [each.when] : []),
      ),
    );
