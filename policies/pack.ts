// What does Pulumi refuse before it changes anything? The CrossGuard pack: every Kubernetes object of a stack, the manifests
// of its apps, and where both come from.
import {
  type Policies,
  PolicyPack,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
} from "@pulumi/policy";
import { reachable } from "../components/delivery/repository.ts";
import type { Definition } from "../components/platform.ts";
import { awsProblem, awsRules, type Props } from "./aws.ts";
import { judgeObject, judgeRendered } from "./check.ts";
import { provenanceProblems } from "./git.ts";
import { type Judge, openJudge } from "./judge.ts";
import { type Exemption, exemptionProblems, type KubernetesObject, looksAt, type ObjectRule } from "./rule.ts";
import { rules } from "./rules/index.ts";
import provenance from "./rules/provenance.ts";
import { clone, definitionOf, objectsOf } from "./stack.ts";

/** Starts the pack for the stack that Pulumi names; Pulumi's runner waits until it listens. */
export const start = async (): Promise<void> => {
  const stack = process.env.PULUMI_NODEJS_STACK;
  const definition = stack ? await definitionOf(stack) : undefined;
  const exemptions = definition?.settings.exemptions ?? [];
  const wrong = exemptionProblems(exemptions, rules);
  if (wrong.length > 0) throw new Error(`stacks/${stack}.ts: ${wrong.join("\n")}`);
  const judge = await openJudge(rules);
  new PolicyPack("plumbline", {
    displayName: "plumbline",
    description: "What may be declared, and where it must come from",
    enforcementLevel: "mandatory",
    policies: policies(judge, exemptions, definition),
  });
};

/** The policies: one a rule, one over the manifests of the apps, one about provenance. */
export const policies = (
  judge: Judge,
  exemptions: readonly Exemption[],
  definition: Definition | undefined,
): Policies => [
  ...rules
    .filter((rule): rule is ObjectRule => rule.scope === "object")
    .map((rule) => objectPolicy(rule, judge, exemptions)),
  ...awsPolicies,
  ...(definition ? [manifestsPolicy(judge, exemptions, definition), provenancePolicy(definition)] : []),
];

const awsPolicies: Policies = [...Map.groupBy(awsRules, ({ id }) => id).entries()].map(([name, same]) => ({
  name,
  description: same[0]?.title ?? name,
  enforcementLevel: "mandatory",
  validateResource: ({ type, props }: ResourceValidationArgs, report: (message: string) => void) => {
    const rule = same.find((each) => each.type === type);
    if (!rule) return;
    const { value, unknown } = known(props);
    const problem = awsProblem(rule, value as Props);
    // Perhaps it is the placeholder that breaks the rule; the update, which knows all values, asks again.
    if (problem && unknown) throw unknown;
    if (problem) report(problem);
  },
}));

const objectPolicy = (rule: ObjectRule, judge: Judge, exemptions: readonly Exemption[]): ResourceValidationPolicy => ({
  name: rule.id,
  description: rule.title,
  enforcementLevel: rule.enforcement,
  validateResource: async ({ type, props }, report) => {
    if (!type.startsWith("kubernetes:")) return;
    const { value, unknown } = known(props as ResourceValidationArgs["props"]);
    const object = value as KubernetesObject;
    if (typeof object?.apiVersion !== "string" || typeof object.kind !== "string" || !looksAt(rule, object)) return;
    for (const violation of await judgeObject(judge, object, { exemptions, today: new Date() })) {
      if (violation.rule === rule.id) report(`${violation.object}: ${violation.message}`);
      // A placeholder where a number belongs is no fault of the object; the update, which knows all values, asks again.
      else if (!violation.rule && unknown) throw unknown;
      else if (!violation.rule) report(`${violation.object}: ${violation.message}`);
    }
  },
});

const manifestsPolicy = (
  judge: Judge,
  exemptions: readonly Exemption[],
  definition: Definition,
): StackValidationPolicy => ({
  name: "app-manifests",
  description: "The objects of every app keep the rules before its agent applies them",
  enforcementLevel: "mandatory",
  validateStack: async (_, report) => {
    for (const { app, namespace, objects, problem } of await objectsOf(definition).catch(unreadable(report))) {
      if (problem) report(`app "${app}": ${problem}`);
      for (const rendered of objects)
        for (const each of await judgeRendered(judge, rendered, { exemptions, namespace }))
          report(`app "${app}", ${each.place}${each.object}: ${each.message}`);
    }
  },
});

const unreadable = (report: (message: string) => void) => (error: Error) => {
  report(error.message);
  return [];
};

const provenancePolicy = ({ settings }: Definition): StackValidationPolicy => ({
  name: provenance.id,
  description: provenance.title,
  enforcementLevel: settings.protected ? "mandatory" : provenance.enforcement,
  validateStack: async (_, report) => {
    for (const problem of await provenanceProblems(clone, {
      url: reachable(settings.git.url),
      branch: settings.git.branch,
    }))
      report(`${provenance.id}: ${problem}. ${provenance.wayOut} (${provenance.source})`);
  },
});

/** Passes wherever a text may stand; a rule must not be broken by a value that is not known yet. */
const placeholder = "plumbline.dev/unknown:unknown";

/** A copy without unknown values, and the error that reading the first of them threw. */
export const known = (value: unknown): { value: unknown; unknown?: Error } => {
  let unknown: Error | undefined;
  const read = (from: Record<string, unknown>, key: string): unknown => {
    let field: unknown;
    try {
      field = from[key];
    } catch (error) {
      unknown ??= error as Error;
      return placeholder;
    }
    return copy(field);
  };
  const copy = (from: unknown): unknown => {
    if (typeof from !== "object" || from === null) return from;
    const keys = Object.keys(from);
    if (Array.isArray(from)) return keys.map((key) => read(from as unknown as Record<string, unknown>, key));
    return Object.fromEntries(keys.map((key) => [key, read(from as Record<string, unknown>, key)]));
  };
  const copied = copy(value);
  return { value: copied, ...(unknown && { unknown }) };
};
