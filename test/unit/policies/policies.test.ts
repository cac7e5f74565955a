// What do the policies say without evaluating anything: exemptions, static policies, unknown values, a missing program?
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadAll } from "js-yaml";
import { names } from "../../../components/admission/identities.ts";
import { settingsProblems } from "../../../components/settings.ts";
import { bootstrapObjects } from "../../../local/bootstrap.ts";
import { admissionManifests } from "../../../policies/admission.ts";
import { celProgram, openJudge } from "../../../policies/judge.ts";
import { known } from "../../../policies/pack.ts";
import { type Exemption, exemptionProblems, isAbout } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules/index.ts";

const exemption: Exemption = {
  rule: "host-namespaces",
  object: { kind: "Deployment", namespace: "shop", name: "web" },
  reason: "r",
  approver: "a",
  expires: "2026-06-30",
};
const on = (day: string) => new Date(`${day}T12:00:00Z`);

describe("exemptions", () => {
  const object = (kind: string, name: string, namespace = "shop") => ({
    apiVersion: "v1",
    kind,
    metadata: { name, namespace },
  });
  it("are about the object they name and the pods made from it", () => {
    for (const yes of [object("Deployment", "web"), object("ReplicaSet", "web-1"), object("Pod", "web-1-x")])
      assert.ok(isAbout(exemption, yes));
    const generated = { apiVersion: "v1", kind: "Pod", metadata: { generateName: "web-1-", namespace: "shop" } };
    assert.ok(isAbout(exemption, generated));
    for (const no of [
      object("StatefulSet", "web"),
      object("Deployment", "web-1"),
      object("Pod", "website"),
      object("Pod", "web-1", "other"),
    ])
      assert.ok(!isAbout(exemption, no));
    const some = { ...exemption, object: { kind: "Pod", namespace: "shop", name: "helper-*" } };
    assert.ok(isAbout(some, object("Pod", "helper-a")) && !isAbout(some, object("Pod", "help")));
  });

  it("name a rule that is there, and all that makes them answerable", () => {
    assert.deepEqual(exemptionProblems([exemption], rules), []);
    assert.match(
      exemptionProblems([{ ...exemption, rule: "none" }], rules).join(),
      /exemptions\.0\.rule: there is no rule "none"; there are host-namespaces, /,
    );
    const problems = (more: object) =>
      settingsProblems({
        name: "a",
        git: { url: "https://a.example/b.git", branch: "main" },
        cluster: { slot: "cluster", build: () => {} },
        apps: [],
        exemptions: [{ ...exemption, ...more }],
      }).map(({ field }) => field);
    assert.deepEqual(problems({}), []);
    assert.deepEqual(problems({ reason: " " }), ["settings.exemptions.0.reason"]);
    assert.deepEqual(problems({ approver: "" }), ["settings.exemptions.0.approver"]);
    assert.deepEqual(problems({ expires: "2026-02-31" }), ["settings.exemptions.0.expires"]);
    assert.deepEqual(problems({ object: { ...exemption.object, name: "*" } }), ["settings.exemptions.0.object.name"]);
  });
});

describe("static policies", () => {
  const manifests = admissionManifests({
    repository: "https://git.example/a.git",
    exemptions: [exemption],
    today: on("2026-06-01"),
  });
  it("are one policy with its binding a file, under the reserved names, and say Invalid", () => {
    const seen = new Set<string>();
    for (const manifest of manifests) {
      // biome-ignore lint/suspicious/noExplicitAny: fields are asserted one by one
      const [policy, binding, ...more] = loadAll(manifest) as any[];
      assert.equal(more.length, 0);
      assert.match(policy.metadata.name, /\.plumbline\.static\.k8s\.io$/);
      assert.equal(binding.spec.policyName, policy.metadata.name);
      assert.deepEqual(binding.spec.validationActions, ["Deny"]);
      assert.equal(policy.spec.failurePolicy, "Fail");
      assert.equal(policy.spec.paramKind, undefined);
      for (const { reason } of policy.spec.validations) assert.equal(reason, "Invalid");
      seen.add(policy.metadata.name);
    }
    assert.equal(seen.size, 3 + rules.filter(({ scope }) => scope === "object").length);
  });

  it("let the bootstrap credential write just what it has to", () => {
    assert.deepEqual(new Set(bootstrapObjects.map(({ metadata }) => metadata.name)), new Set(names.bootstrapObjects));
  });
});

describe("the judge", () => {
  it("says how to get plumbline-cel where it is missing", () => {
    assert.throws(() => celProgram({ PATH: "/nowhere" }), /plumbline-cel is not on PATH.*PLUMBLINE_CEL/s);
    assert.throws(() => celProgram({ PLUMBLINE_CEL: "/nowhere/cel" }), /PLUMBLINE_CEL names \/nowhere\/cel/);
  });

  it("fails a question whose program dies instead of waiting", async () => {
    await assert.rejects(openJudge(rules, "/bin/false"), /\/bin\/false ended \(exit code 1\)/);
  });
});

describe("values that a preview does not know yet", () => {
  it("become text that breaks no rule, and are remembered", () => {
    const props = { a: 1, b: [{ c: true }] };
    Object.defineProperty(props, "d", {
      enumerable: true,
      get: () => {
        throw new Error("unknown");
      },
    });
    const { value, unknown } = known(props);
    assert.deepEqual(value, { a: 1, b: [{ c: true }], d: "plumbline.dev/unknown:unknown" });
    assert.equal(unknown?.message, "unknown");
    assert.equal(known({ a: 1 }).unknown, undefined);
  });
});
