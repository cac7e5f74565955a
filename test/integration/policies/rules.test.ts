// Do the rules say what they claim? Every example through the real CEL, and against upstream's Pod Security library.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { celProgram, type Judge, openJudge } from "../../../policies/judge.ts";
import { type KubernetesObject, kindsOf, type ObjectRule, podKinds } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules/index.ts";
import { celForTests } from "./cel.ts";
import { inEveryKind, podCorpus } from "./pods.ts";

const objectRules = rules.filter((rule): rule is ObjectRule => rule.scope === "object");
const podSecurity = objectRules.filter(({ id }) => id !== "pinned-images");

describe("rules", () => {
  let judge: Judge;
  before(async () => {
    await celForTests();
    judge = await openJudge(rules);
  });
  after(() => judge.close());

  const breaks = async (rule: ObjectRule, object: KubernetesObject) =>
    (await judge.violations(object)).filter((violation) => violation.rule.id === rule.id);

  for (const rule of objectRules) {
    it(`${rule.id}: valid examples pass and invalid ones fail, in every kind`, async () => {
      assert.ok(rule.valid.length >= 1 && rule.invalid.length >= 2);
      for (const example of rule.valid)
        for (const object of inEveryKind(example))
          assert.deepEqual(await breaks(rule, object), [], JSON.stringify(object));
      for (const example of rule.invalid)
        for (const object of inEveryKind(example)) {
          const [violation, ...more] = await breaks(rule, object);
          assert.ok(violation && more.length === 0, `passes: ${JSON.stringify(object)}`);
          assert.ok(
            violation.message.startsWith(`${rule.id}: `) && violation.message.includes(rule.wayOut),
            violation.message,
          );
          assert.match(violation.message, /: (spec|template|metadata)[.[]\S/);
        }
    });
  }

  it("agree with upstream's Pod Security library at level restricted, rules together", async () => {
    const corpus = podCorpus(podSecurity).map(
      (example, index) => inEveryKind(example)[index % podKinds.length] as KubernetesObject,
    );
    assert.ok(corpus.length >= 200, `${corpus.length} objects`);
    const upstream = execFileSync(celProgram(), ["pod-security"], {
      input: corpus.map((object) => `${JSON.stringify(object)}\n`).join(""),
      maxBuffer: 1 << 28,
    })
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { allowed: boolean; reasons: string[] });
    assert.equal(upstream.length, corpus.length);
    let allowed = 0;
    for (const [index, object] of corpus.entries()) {
      const ours = (await judge.violations(object)).filter(({ rule }) => rule.id !== "pinned-images");
      const theirs = upstream[index];
      allowed += theirs?.allowed ? 1 : 0;
      assert.equal(
        ours.length === 0,
        theirs?.allowed,
        JSON.stringify({ object, ours: ours.map(({ message }) => message), theirs }),
      );
    }
    assert.ok(allowed >= 20 && allowed <= corpus.length - 100, `${allowed} of ${corpus.length} allowed: too one-sided`);
  });

  it("a reversed rule is found out by its own examples", async () => {
    for (const rule of objectRules) {
      const reversed = { ...rule, expression: `size(${rule.expression}) == 0 ? ["spec.reversed"] : []` };
      const liar = await openJudge([reversed]);
      const wrong = async (example: ObjectRule["valid"][number], expected: number) => {
        for (const object of inEveryKind(example))
          if ((await liar.violations(object)).length === expected) return false;
        return true;
      };
      for (const example of rule.valid) assert.ok(await wrong(example, 0), `${rule.id}: ${JSON.stringify(example)}`);
      for (const example of rule.invalid) assert.ok(await wrong(example, 1), `${rule.id}: ${JSON.stringify(example)}`);
      liar.close();
    }
  });

  it("say nothing about objects that carry no pod", async () => {
    assert.deepEqual(await judge.violations({ apiVersion: "v1", kind: "Service", metadata: { name: "a" } }), []);
    const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "a" }, spec: {} };
    assert.deepEqual(await judge.violations(scale), []);
  });

  it("take a field of the wrong type for what it is: no verdict, an error", async () => {
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { hostNetwork: "yes" } };
    await assert.rejects(judge.violations(object), /schema of v1 Pod: .*hostNetwork/);
  });

  it("have an identifier, a source and kinds of their own", () => {
    assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length);
    for (const rule of rules) assert.match(rule.source, /^https:\/\//);
    for (const rule of objectRules) assert.ok(kindsOf(rule).length > 0);
  });
});
