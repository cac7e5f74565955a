// Do the rules about AWS let through what the library declares there, and find each field that is otherwise? Under mocks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsBootstrap, EksCluster, type EksClusterArgs } from "../../../components/aws.ts";
import { awsProblem, awsRules, type Props } from "../../../policies/aws.ts";
import { record } from "../components/recorder.ts";

const region = "eu-central-1";
const account = "123456789012";
const cluster: EksClusterArgs = {
  ...{ region, account, version: "1.35", identities: { ci: `arn:aws:iam::${account}:role/ci` } },
  publicAccessCidrs: ["198.51.100.7/32"],
  nodeGroups: [{ name: "general", instanceTypes: ["m7i.large"], min: 2, max: 3 }],
};
const declared = await record(() => [
  new EksCluster("prod", cluster).cloud.database("harbor"),
  new AwsBootstrap("acme", { region, account, github: { repository: "acme/platform" } }),
]);
const policy = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const anybody = policy({ Effect: "Allow", Principal: { AWS: "*" }, Action: "s3:GetObject", Resource: "*" });
const all = policy({ Effect: "Allow", Action: ["s3:GetObject", "s3:Put*"], Resource: "arn:aws:s3:::a/*" });

/** For each rule, by what a resource that keeps it comes to break it, and the field that is then named. */
const breaks: readonly (readonly [id: string, type: string, change: Props, field: string])[] = [
  [
    "aws-eks-endpoint",
    "eks/cluster:Cluster",
    { vpcConfig: { endpointPrivateAccess: true } },
    "vpcConfig.publicAccessCidrs",
  ],
  [
    "aws-eks-endpoint",
    "eks/cluster:Cluster",
    { vpcConfig: { endpointPublicAccess: true, publicAccessCidrs: ["10.0.0.0/8", "0.0.0.0/0"] } },
    "vpcConfig.endpointPrivateAccess, vpcConfig.publicAccessCidrs",
  ],
  ["aws-eks-secrets", "eks/cluster:Cluster", { encryptionConfig: { resources: [] } }, "encryptionConfig.resources"],
  ["aws-eks-logs", "eks/cluster:Cluster", { enabledClusterLogTypes: ["api", "audit"] }, "enabledClusterLogTypes"],
  ["aws-eks-access", "eks/cluster:Cluster", { accessConfig: { authenticationMode: "API" } }, "accessConfig.bootstrap"],
  [
    "aws-instance-metadata",
    "ec2/launchTemplate:LaunchTemplate",
    { metadataOptions: { httpTokens: "optional", httpPutResponseHopLimit: 2 } },
    "metadataOptions.httpTokens, metadataOptions.httpPutResponseHopLimit",
  ],
  [
    "aws-disks",
    "ec2/launchTemplate:LaunchTemplate",
    { blockDeviceMappings: [{ ebs: { encrypted: "true" } }, { ebs: {} }] },
    "blockDeviceMappings[1].ebs.encrypted",
  ],
  [
    "aws-bucket-access",
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    { ignorePublicAcls: false },
    "ignorePublicAcls",
  ],
  ["aws-bucket-policy", "s3/bucketPolicy:BucketPolicy", { policy: anybody }, "policy.Statement[0].Principal"],
  ["aws-trust", "iam/role:Role", { assumeRolePolicy: anybody }, "assumeRolePolicy.Statement[0].Principal"],
  ["aws-iam-actions", "iam/rolePolicy:RolePolicy", { policy: all }, "policy.Statement[0].Action s3:Put*"],
  ["aws-iam-actions", "iam/policy:Policy", { policy: all.replace("s3:Put*", "*") }, "policy.Statement[0].Action *"],
  ["aws-key-rotation", "kms/key:Key", { enableKeyRotation: false }, "enableKeyRotation"],
  ["aws-database-encrypted", "rds/instance:Instance", { storageEncrypted: undefined }, "storageEncrypted"],
  ["aws-database-private", "rds/instance:Instance", { publiclyAccessible: undefined }, "publiclyAccessible"],
  [
    "aws-database-backups",
    "rds/instance:Instance",
    { backupRetentionPeriod: 1, skipFinalSnapshot: true },
    "backupRetentionPeriod, skipFinalSnapshot",
  ],
  ["aws-database-protected", "rds/instance:Instance", { deletionProtection: false }, "deletionProtection"],
  [
    "aws-database-password",
    "rds/instance:Instance",
    { manageMasterUserPassword: undefined, password: "hunter2" },
    "manageMasterUserPassword, password",
  ],
  ["aws-database-tls", "rds/parameterGroup:ParameterGroup", { parameters: [] }, "parameters rds.force_ssl"],
  [
    "aws-database-tls",
    "rds/parameterGroup:ParameterGroup",
    { family: "mysql8.4", parameters: [{ name: "require_secure_transport", value: "OFF" }] },
    "parameters require_secure_transport",
  ],
  ["aws-database-tls", "rds/instance:Instance", { parameterGroupName: "default.postgres17" }, "parameterGroupName"],
  ["aws-open-port", "vpc/securityGroupIngressRule:SecurityGroupIngressRule", { cidrIpv4: "0.0.0.0/0" }, "cidrIpv4"],
  [
    "aws-open-port",
    "ec2/securityGroup:SecurityGroup",
    { ingress: [{ cidrBlocks: ["10.0.0.0/8"] }, { ipv6CidrBlocks: ["::/0"] }] },
    "ingress[1].ipv6CidrBlocks",
  ],
];
/** Types that the library does not declare; strangers' programs do. */
const ofOthers = ["aws:iam/policy:Policy"];

test("mocked: what a cluster and a bootstrap declare breaks no rule, and every rule looks at some of it", () => {
  const problems = declared.flatMap(({ type, name, inputs }) =>
    awsRules
      .flatMap((rule) => (rule.type === type ? (awsProblem(rule, inputs) ?? []) : []))
      .map((each) => `${name}: ${each}`),
  );
  assert.deepEqual(problems, []);
  const types = new Set(declared.map(({ type }) => type));
  assert.deepEqual(
    awsRules.map(({ type }) => type).filter((type) => !types.has(type)),
    ofOthers,
  );
});

for (const [id, type, change, field] of breaks) {
  test(`mocked: ${id} names ${field}`, () => {
    const kept = declared.find((each) => each.type === `aws:${type}`)?.inputs ?? {};
    const rule = awsRules.find((each) => each.id === id && each.type === `aws:${type}`) ?? assert.fail(id);
    const problem = awsProblem(rule, { ...kept, ...change }) ?? "";
    assert.ok(problem.startsWith(`${id}: ${field}`), problem);
  });
}

test("every rule is broken by some change", () =>
  assert.deepEqual(
    new Set(breaks.map(([id, type]) => `${id} aws:${type}`)),
    new Set(awsRules.map(({ id, type }) => `${id} ${type}`)),
  ));

test("statements that read by a wildcard, that deny, or that name a condition are let through", () => {
  const of = (id: string) => awsRules.find((rule) => rule.id === id) ?? assert.fail(id);
  const reads = policy({ Effect: "Allow", Action: "ec2:Describe*", Resource: "*" }, { Effect: "Deny", Action: "*" });
  assert.equal(awsProblem(of("aws-iam-actions"), { policy: reads }), undefined);
  const mine = { StringEquals: { "aws:PrincipalOrgID": "o-1" } };
  const within = policy({ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "*", Condition: mine });
  assert.equal(awsProblem(of("aws-bucket-policy"), { policy: within }), undefined);
  assert.equal(awsProblem(of("aws-key-rotation"), { customerMasterKeySpec: "RSA_2048" }), undefined);
});
