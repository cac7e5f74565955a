// Which objects make Git the only way into some namespaces, and which wishes are refused?
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  definePlatform,
  type Enforce,
  Enforcement,
  type EnforcementArgs,
  existing,
  flux,
  InvalidDeclaration,
} from "../../../components/index.ts";
import { ofKind, record } from "./recorder.ts";

const args: EnforcementArgs = {
  repository: "https://git.example.com/you/platform.git",
  namespaces: ["shop"],
  observe: ["pay", "till"],
  users: ["system:serviceaccount:edge:edge"],
  groups: ["ci"],
};

describe("the objects", async () => {
  const declared = await record(() => new Enforcement("enforce", args));
  const bindings = ofKind(declared, "ValidatingAdmissionPolicyBinding").map(({ inputs }) => inputs);
  const [policy] = ofKind(declared, "ValidatingAdmissionPolicy").map(({ inputs }) => inputs);

  test("refuse in the enforced namespaces, and only warn in those that are observed", () => {
    assert.deepEqual(
      bindings.map(({ spec }) => [
        spec.policyName,
        spec.validationActions,
        spec.matchResources.namespaceSelector.matchExpressions,
      ]),
      [
        [policy.metadata.name, ["Deny"], [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["shop"] }]],
        [
          policy.metadata.name,
          ["Warn", "Audit"],
          [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["pay", "till"] }],
        ],
      ],
    );
  });
  test("see no object that is in no namespace but the namespaces themselves: a selector lets all of those through", () => {
    const rules = policy.spec.matchConstraints.resourceRules;
    assert.deepEqual(
      rules
        .filter(({ scope }: { scope: string }) => scope !== "Namespaced")
        .map(({ resources }: { resources: string[] }) => resources),
      [["namespaces"]],
    );
    assert.equal(rules.length, 2);
  });
  test("let those through who write for Git, by user or group", () => {
    const { expression } = policy.spec.matchConditions.at(-1);
    assert.match(expression, /username in \["system:serviceaccount:edge:edge"\]/);
    assert.match(expression, /groups\.exists\(group, group in \["ci"\]\)/);
  });
  test("say Invalid, and where to make the change", () => {
    const [{ reason, messageExpression }] = policy.spec.validations;
    assert.equal(reason, "Invalid");
    assert.match(messageExpression, /this namespace takes changes from Git alone/);
    assert.equal(policy.spec.failurePolicy, "Fail");
  });
  test("have no binding for what is not asked for", async () => {
    const { observe: _, ...rest } = args;
    const only = await record(() => new Enforcement("enforce", rest));
    assert.equal(ofKind(only, "ValidatingAdmissionPolicyBinding").length, 1);
  });
});

describe("wishes that would lock everybody out, or refuse nothing", () => {
  const cases: readonly (readonly [string, Enforce, RegExp])[] = [
    [
      "nobody writes",
      { namespaces: ["shop"] },
      /enforce\.groups: found nothing|enforce\.groups: found \[\]; allowed: at least one user or group/,
    ],
    ["no namespace", { namespaces: [], groups: ["ci"] }, /enforce\.namespaces: .*at least one namespace/],
    ["everybody", { namespaces: ["shop"], groups: ["system:authenticated"] }, /nothing would be refused/],
    [
      "the cluster's own",
      { namespaces: ["kube-system"], groups: ["ci"] },
      /enforce\.namespaces\.0: found "kube-system"/,
    ],
    ["both", { namespaces: ["shop"], observe: ["shop"], groups: ["ci"] }, /enforce\.observe: found "shop"/],
    ["no name", { namespaces: ["shop"], users: ['a"b'] }, /enforce\.users\.0/],
    ["unknown field", { namespaces: ["shop"], user: ["a"] } as never, /enforce\.user: .*no such field/],
  ];
  for (const [title, enforce, message] of cases) {
    test(title, () => {
      const declare = () =>
        definePlatform(
          {
            name: "p",
            git: { url: "https://git.example.com/p.git", branch: "main" },
            cluster: existing(),
            apps: [],
            enforce,
          },
          { agent: flux() },
        );
      assert.throws(declare, (error: unknown) => {
        assert.ok(error instanceof InvalidDeclaration);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
