// What does an account get before its first stack, and who may do what with it? Recorded under mocks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsBootstrap, type AwsBootstrapArgs } from "../../../components/aws.ts";
import { stackNames } from "../../../stacks/shared/load.ts";
import { reference } from "./aws-outputs.ts";
import { type Declared, ofKind, record } from "./recorder.ts";

const least: AwsBootstrapArgs = {
  region: "eu-central-1",
  account: "123456789012",
  github: { repository: "acme/platform" },
};
const seen: AwsBootstrap[] = [];
const github = await record(() => seen.push(new AwsBootstrap("acme", least)));
const gitlab = await record(() => {
  const { github: _, ...rest } = least;
  return new AwsBootstrap("acme", {
    ...rest,
    name: "shop",
    gitlab: { project: "acme/ops/platform", branch: "live", url: "https://git.example.com" },
  });
});
const one = (resources: readonly Declared[], kind: string, name: string): Declared["inputs"] =>
  ofKind(resources, kind).find((each) => each.name === name)?.inputs ?? assert.fail(`no ${kind} ${name}`);
interface Statement {
  Sid: string;
  Effect: string;
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}
const statements = (policy: string): Statement[] => JSON.parse(policy).Statement;
const trusted = (resources: readonly Declared[], role: string) =>
  statements(one(resources, "Role", role).assumeRolePolicy)[0]?.Condition;

test("mocked: jobs of one repository and environment apply, its pull requests preview, and nobody else does either", () => {
  const host = "token.actions.githubusercontent.com";
  const aud = { [`${host}:aud`]: "sts.amazonaws.com" };
  assert.deepEqual(trusted(github, "acme-ci"), {
    StringEquals: { ...aud, [`${host}:sub`]: "repo:acme/platform:environment:production" },
  });
  assert.deepEqual(trusted(github, "acme-ci-preview"), {
    StringEquals: { ...aud, [`${host}:sub`]: "repo:acme/platform:pull_request" },
  });
  assert.equal(one(github, "OpenIdConnectProvider", "acme-issuer").url, `https://${host}`);
});

test("mocked: on GitLab the protected branch applies, and any branch of the project previews", () => {
  const sub = "git.example.com:sub";
  assert.equal(
    trusted(gitlab, "acme-ci")?.StringEquals?.[sub],
    "project_path:acme/ops/platform:ref_type:branch:ref:live",
  );
  assert.deepEqual(trusted(gitlab, "acme-ci-preview"), {
    StringEquals: { "git.example.com:aud": "https://git.example.com" },
    StringLike: { [sub]: "project_path:acme/ops/platform:ref_type:branch:ref:*" },
  });
  assert.equal(one(gitlab, "Role", "acme-ci").name, "shop-ci");
});

test("mocked: the state is private, versioned and encrypted, and CI cannot take its versions away", () => {
  assert.equal(one(github, "Bucket", "acme-state").bucket, "acme-state-123456789012-eu-central-1");
  assert.equal(one(github, "BucketVersioning", "acme-state").versioningConfiguration.status, "Enabled");
  assert.equal(one(github, "BucketPublicAccessBlock", "acme-state").restrictPublicBuckets, true);
  const rules = one(github, "BucketLifecycleConfiguration", "acme-state").rules;
  assert.equal(rules[0].noncurrentVersionExpiration.noncurrentDays, 90);
  const kept = statements(one(github, "RolePolicy", "acme-state").policy).find(({ Sid }) => Sid === "KeepState");
  assert.equal(kept?.Effect, "Deny");
  for (const action of ["s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:PutBucketVersioning"])
    assert.ok(kept?.Action.includes(action), action);
});

test("mocked: whoever previews reads the state, and opens no secret in it", () => {
  const all = statements(one(github, "RolePolicy", "acme-read").policy);
  assert.deepEqual(all.flatMap(({ Action }) => Action).sort(), ["kms:Decrypt", "s3:GetObject", "s3:ListBucket"]);
  const opened = all.find(({ Action }) => Action.includes("kms:Decrypt"));
  assert.deepEqual(opened?.Resource, [reference("aws_kms_key.acme-state.arn")]);
  const [attached] = ofKind(github, "RolePolicyAttachment");
  assert.equal(attached?.inputs.policyArn, "arn:aws:iam::aws:policy/SecurityAudit");
});

test("mocked: CI can give rights of AWS to roles of its clusters from a list, and none to itself", () => {
  const all = statements(one(github, "RolePolicy", "acme-apply").policy);
  const of = (sid: string) => all.find(({ Sid }) => Sid === sid) ?? assert.fail(sid);
  assert.ok(!JSON.stringify(of("RolesOfAws").Condition).includes("Administrator"));
  assert.deepEqual(of("Roles").Resource, ["arn:aws:iam::123456789012:role/acme-*"]);
  assert.ok(!of("Roles").Action.includes("iam:AttachRolePolicy"));
  assert.deepEqual(of("NotItself").Resource, [
    "arn:aws:iam::123456789012:role/acme-ci",
    "arn:aws:iam::123456789012:role/acme-ci-preview",
  ]);
  assert.ok(of("NotItself").Action.includes("iam:PutRolePolicy"));
});

// Statements about everything of a kind, each bound to the region.
const wide = ["Network", "NewKeys", "FindLogs"];
test("mocked: no action is a wildcard, and where a statement is about everything, it is bound to the region", () => {
  const policies = ofKind(github, "RolePolicy").flatMap(({ inputs }) => statements(inputs.policy));
  assert.deepEqual(
    policies.flatMap(({ Action }) => Action).filter((action) => !/^[a-z0-9]+:[A-Za-z]+$/.test(action)),
    [],
  );
  const everything = policies.filter(({ Resource }) => Resource.includes("*"));
  assert.deepEqual(everything.map(({ Sid }) => Sid).sort(), wide.toSorted());
  for (const { Condition } of everything)
    assert.deepEqual(Condition, { StringEquals: { "aws:RequestedRegion": "eu-central-1" } });
});

test("mocked: the outputs are what Pulumi is told next", async () => {
  const [bootstrap] = seen;
  const value = <T>(output: { apply: (then: (value: T) => void) => unknown } | undefined) =>
    new Promise<T>((resolve) => output?.apply(resolve));
  assert.equal(await value(bootstrap?.backend), "s3://acme-state-123456789012-eu-central-1?region=eu-central-1");
  assert.equal(await value(bootstrap?.secretsProvider), "awskms://alias/acme-secrets?region=eu-central-1");
  assert.equal(await value(bootstrap?.ci), reference("aws_iam_role.acme-ci.arn"));
  assert.equal(await value(bootstrap?.ciPreview), reference("aws_iam_role.acme-ci-preview.arn"));
});

test("mocked: the stack of the bootstrap makes it, and is not among the platforms", async () => {
  const declared = await record(async () => {
    const outputs = (await import("../../../stacks/bootstrap.ts")).default();
    assert.deepEqual(Object.keys(outputs), ["backend", "secretsProvider", "ci", "ciPreview"]);
  });
  assert.equal(ofKind(declared, "AwsBootstrap").length, 1);
  assert.ok(!stackNames().includes("bootstrap"));
});

test("everything that is wrong is named at once", () => {
  const refused = (args: object) => () => new AwsBootstrap("acme", { ...least, ...args });
  assert.throws(refused({ region: "mars-1", account: "1", name: "Acme", github: { repository: "acme/*" } }), {
    message: /^AwsBootstrap acme: 4 problems\n.*region: [^\n]*\n.*account: .*\n.*github\.repository: .*\n.*name: /,
  });
  assert.throws(refused({ gitlab: { project: "acme/platform" } }), /github: found "github and gitlab"/);
  assert.throws(refused({ github: undefined }), /github: /);
});
