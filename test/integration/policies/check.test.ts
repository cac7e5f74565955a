// Are bad manifests found where they stand, until when do exemptions hold, and where does an expression not compile?
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { checkFiles } from "../../../policies/check.ts";
import { openJudge } from "../../../policies/judge.ts";
import type { Exemption, ObjectRule } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules/index.ts";
import { celForTests } from "./cel.ts";

const file = (content: string, name = "web.yaml") => ({ file: name, content: Buffer.from(content) });
const wide = `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {}
  template:
    spec:
      hostPID: true
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: web
          image: registry.example/web:1
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`;
const exemption: Exemption = {
  rule: "host-namespaces",
  object: { kind: "Deployment", namespace: "shop", name: "web" },
  reason: "r",
  approver: "a",
  expires: "2026-06-30",
};
const on = (day: string) => new Date(`${day}T12:00:00Z`);

before(celForTests);

describe("checking manifests", () => {
  it("names file, line, object, rule and field", async () => {
    const [finding, ...more] = await checkFiles([file(wide)], { namespace: "shop" });
    assert.deepEqual(more, []);
    assert.equal(finding?.line, 5);
    assert.equal(finding?.rule, "host-namespaces");
    assert.equal(finding?.object, "Deployment shop/web");
    assert.match(finding?.message ?? "", /^host-namespaces: spec\.template\.spec\.hostPID: /);
  });

  it("names file and line of what is no manifest, and goes on with the next file", async () => {
    const findings = await checkFiles([file("a: [", "bad.yaml"), file("kind: Pod", "odd.yaml"), file(wide)], {});
    assert.deepEqual(
      findings.map((each) => each.file),
      ["bad.yaml", "odd.yaml", "web.yaml"],
    );
    assert.match(findings[0]?.message ?? "", /^bad\.yaml:1:/);
    const [misfit] = await checkFiles([file(wide.replace("hostPID: true", "hostPID: 3"))], {});
    assert.match(misfit?.message ?? "", /^schema of apps\/v1 Deployment: .*hostPID/);
    assert.equal(misfit?.rule, undefined);
  });

  it("lets an exempted object pass until the exemption's last day is over", async () => {
    const check = (day: string, namespace = "shop") =>
      checkFiles([file(wide)], { namespace, exemptions: [exemption], today: on(day) });
    assert.deepEqual(await check("2026-06-30"), []);
    assert.equal((await check("2026-07-01")).length, 1);
    assert.equal((await check("2026-06-30", "other")).length, 1);
  });
});

describe("the judge", () => {
  it("says which rule does not compile, and where", async () => {
    const broken = { ...(rules[0] as ObjectRule), expression: "[\n  variables.nothing(" };
    await assert.rejects(openJudge([broken]), /rule host-namespaces: variables\[\d\] broken, line \d, column \d+: /);
  });
});
