// What is a rule, and how does the one expression in it become a verdict at each of the three points?
import { every, literal, some, type Variable } from "../components/admission/cel.ts";
import type { Matched } from "../components/admission/policy.ts";
import type { Exemption } from "../components/slot.ts";
import { staticManifest } from "./static.ts";

/** A Kubernetes object as it stands in a manifest. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

interface Described {
  /** Short and stable: refusals, exemptions and file names use it. */
  readonly id: string;
  /** What holds where the rule holds, in one line. */
  readonly title: string;
  /** What could happen otherwise. */
  readonly why: string;
  /** `mandatory` fails a preview and is refused by the API server; `advisory` is a warning of the preview. */
  readonly enforcement: "mandatory" | "advisory";
  /** Page of the standard that the rule comes from. */
  readonly source: string;
  /** What to do about a violation, as an imperative sentence without its full stop. */
  readonly wayOut: string;
}

/** A rule over one object, whose verdict is one CEL expression everywhere. */
export interface ObjectRule extends Described {
  readonly scope: "object";
  /**
   * Kinds that the rule looks at; `pods` stands for Pods and everything that holds a template of one. Its expression then
   * finds `variables.metadata`, `variables.spec`, `variables.at` (path of the spec), `variables.windows`, and
   * `variables.containers`: {at: path, c: container} of all containers, init and ephemeral ones too.
   */
  readonly match: "pods" | readonly Kind[];
  /** CEL: the list of the fields that break the rule, as paths; empty where it holds. */
  readonly expression: string;
  /** Objects that keep and that break the rule; for `pods` pod templates, which tests put into every kind. */
  readonly valid: readonly Example[];
  readonly invalid: readonly Example[];
}

/** A rule over everything that a stack declares, or over its circumstances; for the pack alone. */
export interface SetRule extends Described {
  readonly scope: "set";
}

export type Rule = ObjectRule | SetRule;

/** An object, or the template of a pod. */
export interface Example {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export type { Exemption };

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in URLs; with subresources that carry the whole object. */
  readonly resources: readonly string[];
}

/** Everything that runs as a pod: the kinds that upstream's Pod Security looks at. */
export const podKinds: readonly Kind[] = [
  { group: "", version: "v1", kind: "Pod", resources: ["pods", "pods/ephemeralcontainers", "pods/resize"] },
  { group: "", version: "v1", kind: "PodTemplate", resources: ["podtemplates"] },
  { group: "", version: "v1", kind: "ReplicationController", resources: ["replicationcontrollers"] },
  { group: "apps", version: "v1", kind: "Deployment", resources: ["deployments"] },
  { group: "apps", version: "v1", kind: "ReplicaSet", resources: ["replicasets"] },
  { group: "apps", version: "v1", kind: "StatefulSet", resources: ["statefulsets"] },
  { group: "apps", version: "v1", kind: "DaemonSet", resources: ["daemonsets"] },
  { group: "batch", version: "v1", kind: "Job", resources: ["jobs"] },
  { group: "batch", version: "v1", kind: "CronJob", resources: ["cronjobs"] },
];

/** Kinds that a rule looks at. */
export const kindsOf = ({ match }: ObjectRule): readonly Kind[] => (match === "pods" ? podKinds : match);

/** Whether a rule looks at an object. */
export const looksAt = (rule: ObjectRule, { apiVersion, kind }: KubernetesObject): boolean =>
  kindsOf(rule).some(
    (each) => each.kind === kind && apiVersion === (each.group ? `${each.group}/${each.version}` : each.version),
  );

const list = (field: string) =>
  `(has(variables.spec.${field}) ? variables.spec.${field}.map(c, {"at": dyn(variables.at + ".${field}[" + c.name + "]"), "c": dyn(c)}) : [])`;

const podVariables: readonly Variable[] = [
  {
    name: "template",
    expression:
      'object.kind == "Pod" ? object : object.kind == "PodTemplate" ? object.template : object.kind == "CronJob" ? object.spec.jobTemplate.spec.template : ' +
      "has(object.spec.template) ? object.spec.template : dyn({})",
  },
  {
    name: "at",
    expression:
      'object.kind == "Pod" ? "spec" : object.kind == "PodTemplate" ? "template.spec" : object.kind == "CronJob" ? "spec.jobTemplate.spec.template.spec" : "spec.template.spec"',
  },
  { name: "metadata", expression: "has(variables.template.metadata) ? variables.template.metadata : dyn({})" },
  { name: "spec", expression: "has(variables.template.spec) ? variables.template.spec : dyn({})" },
  { name: "windows", expression: 'has(variables.spec.os) && variables.spec.os.name == "windows"' },
  {
    name: "containers",
    expression: [list("initContainers"), list("containers"), list("ephemeralContainers")].join(" + "),
  },
];

/** The parts of a policy that evaluates a rule, the same for `plumbline-cel` and for the API server. */
export const policyOf = (rule: ObjectRule) => ({
  variables: [...(rule.match === "pods" ? podVariables : []), { name: "broken", expression: rule.expression }],
  validations: [
    {
      expression: "size(variables.broken) == 0",
      messageExpression: `${literal(`${rule.id}: `)} + variables.broken.join(", ") + ${literal(`: ${rule.title}. ${rule.wayOut} (${rule.source})`)}`,
    },
  ],
});

/** Whether an exemption still holds; admission has no clock, so expired ones are left out when policies are rendered. */
export const holds = ({ expires }: Exemption, today: Date): boolean => today.toISOString().slice(0, 10) <= expires;

const made = ["Pod", "ReplicaSet", "Job"];

/** Whether an exemption is about an object. */
export const isAbout = ({ object: { kind, namespace, name } }: Exemption, object: KubernetesObject): boolean => {
  const found = object.metadata?.name ?? object.metadata?.generateName ?? "";
  if ((object.metadata?.namespace ?? "default") !== namespace) return false;
  const same = name.endsWith("*") ? found.startsWith(name.slice(0, -1)) : found === name;
  return (
    (object.kind === kind && same) ||
    (made.includes(object.kind) && found.startsWith(name.endsWith("*") ? name.slice(0, -1) : `${name}-`))
  );
};

/** The same as `isAbout`, in CEL over `object` and `request`. */
const aboutInCel = ({ object: { kind, namespace, name } }: Exemption): string => {
  const found = 'object.metadata.?name.orValue(object.metadata.?generateName.orValue(""))';
  const same = name.endsWith("*")
    ? `${found}.startsWith(${literal(name.slice(0, -1))})`
    : `${found} == ${literal(name)}`;
  const start = literal(name.endsWith("*") ? name.slice(0, -1) : `${name}-`);
  return every(
    `request.namespace == ${literal(namespace)}`,
    some(
      every(`object.kind == ${literal(kind)}`, same),
      every(`object.kind in ${literal(made)}`, `${found}.startsWith(${start})`),
    ),
  );
};

/** Exemptions from rules that are not there; what else may be wrong with one, the settings say. */
export const exemptionProblems = (exemptions: readonly Exemption[], rules: readonly Rule[]): string[] =>
  exemptions.flatMap(({ rule }, index) =>
    rules.some(({ id }) => id === rule)
      ? []
      : [
          `exemptions.${index}.rule: there is no rule ${JSON.stringify(rule)}; there are ${rules.map(({ id }) => id).join(", ")}`,
        ],
  );

/** A rule as a static policy. What only changes the metadata of an object that is already there is let through. */
export const ruleManifest = (
  rule: ObjectRule,
  { exemptions = [], today = new Date() }: { readonly exemptions?: readonly Exemption[]; readonly today?: Date },
): string => {
  const exempt = exemptions.filter((each) => each.rule === rule.id && holds(each, today));
  const rules: Matched[] = [...Map.groupBy(kindsOf(rule), ({ group, version }) => `${group}/${version}`).values()].map(
    (kinds) => ({
      groups: [kinds[0]?.group ?? ""],
      versions: [kinds[0]?.version ?? ""],
      resources: kinds.flatMap(({ resources }) => resources),
      operations: ["CREATE", "UPDATE"],
    }),
  );
  return staticManifest({
    name: rule.id,
    rules,
    conditions: [
      {
        name: "says-something-new",
        expression: some(
          'request.operation == "CREATE"',
          "!has(object.spec)",
          "!has(oldObject.spec)",
          "object.spec != oldObject.spec",
        ),
      },
      ...exempt.map((each, index) => ({ name: `exemption-${index}`, expression: `!(${aboutInCel(each)})` })),
    ],
    ...policyOf(rule),
  });
};
