// Does AWS' own provider understand what a cluster and its cloud declare? Planned without AWS, and applied against a stand-in.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AwsBootstrap, EksCluster, type EksClusterArgs } from "../../../components/aws.ts";
import { resolve } from "../../../engine/resolve.ts";
import { startMoto, whyNoMoto } from "../../moto.ts";
import { awsProvider, type Change, forgetting, offline, translate, type Workspace, workspace } from "../../opentofu.ts";
import { type Declared, record } from "../../unit/components/recorder.ts";

const provider = awsProvider();
const skip = "missing" in provider ? provider.missing : undefined;
const role = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
const region = "eu-central-1";
const least: EksClusterArgs = { region, account: "123456789012", version: "1.35", identities: { ci: role("ci") } };

/** What a cluster with groups declares, and what layers on it do. */
const withGroups = (args: Partial<EksClusterArgs>) => () => {
  const { cloud } = new EksCluster("groups", {
    ...least,
    identities: { ci: role("ci"), ciPreview: role("ci-preview"), developers: [role("developer")] },
    ...args,
  });
  const grants = [
    cloud.bucket("loki").readWrite,
    cloud.key("vault").unseal,
    cloud.zone("Z0123456789ABC").records,
    cloud.secrets().read,
  ];
  cloud.repository("team/web");
  cloud.database("harbor");
  cloud.identity({ namespace: "logs", serviceAccount: "loki", grants });
};
const general = { name: "general", instanceTypes: ["m7i.large"], min: 2, max: 6, labels: { "example.com/for": "all" } };
const arm = {
  name: "arm",
  instanceTypes: ["c7g.large"],
  architecture: "arm64",
  os: "al2023",
  min: 0,
  max: 3,
  spot: true,
  taints: [{ key: "batch", value: "only" }],
};

let tofu: string;
let declared: readonly Declared[];
let changes: readonly Change[] = [];
let planning: Workspace | undefined;
before(async () => {
  if ("missing" in provider) return;
  tofu = (await resolve(["tofu"])).get("tofu")?.path ?? "";
  declared = await record(() => {
    withGroups({ nodeGroups: [general, arm] })();
    new EksCluster("auto", { ...least, network: { cidr: "10.1.0.0/20" }, publicAccessCidrs: ["198.51.100.7/32"] });
    const privateSubnetIds = ["subnet-0aaaaaaaa", "subnet-0bbbbbbbb", "subnet-0cccccccc"];
    new EksCluster("there", { ...least, network: { vpcId: "vpc-0123456789abcdef0", privateSubnetIds } });
    new AwsBootstrap("acme", { region, account: least.account, github: { repository: "acme/platform" } });
  });
  planning = await workspace(tofu, provider.path, translate(declared, { region, ...offline }));
  changes = await planning.plan();
});
after(() => planning?.remove());

const planned = (address: string): Change["change"]["after"] => {
  const found = changes.find((each) => each.address === address);
  assert.ok(found, `${address} is not among ${changes.map((each) => each.address).join(", ")}`);
  return found.change.after;
};

test("planned: the provider takes every field of every resource, and would make each", { skip }, () => {
  assert.equal(changes.length, declared.filter(({ type }) => type.startsWith("aws:")).length);
  assert.deepEqual(
    changes.filter(({ change }) => change.actions.join() !== "create").map(({ address }) => address),
    [],
  );
});

test("planned: each control plane is closed, logged and encrypted", { skip }, () => {
  for (const name of ["groups", "auto", "there"]) {
    const control = planned(`aws_eks_cluster.${name}-cluster`);
    assert.equal(control.enabled_cluster_log_types.length, 5);
    assert.deepEqual(control.encryption_config[0].resources, ["secrets"]);
    assert.deepEqual(control.access_config, [
      { authentication_mode: "API", bootstrap_cluster_creator_admin_permissions: false },
    ]);
    assert.equal(control.vpc_config[0].endpoint_private_access, true);
    assert.equal(control.vpc_config[0].endpoint_public_access, name === "auto");
  }
});

test("planned: nodes, disks and the network are as a review wants them", { skip }, () => {
  for (const { change } of changes.filter(({ type }) => type === "aws_launch_template")) {
    assert.equal(change.after.metadata_options[0].http_tokens, "required");
    assert.equal(change.after.metadata_options[0].http_put_response_hop_limit, 1);
    for (const { ebs } of change.after.block_device_mappings) assert.equal(ebs[0].encrypted, "true");
  }
  for (const { change } of changes.filter(({ type }) => type === "aws_subnet"))
    assert.equal(change.after.map_public_ip_on_launch, false);
  for (const { change } of changes.filter(({ type }) => type === "aws_kms_key"))
    assert.equal(change.after.enable_key_rotation, true);
  assert.equal(planned("aws_eks_node_group.groups-arm").ami_type, "AL2023_ARM_64_STANDARD");
  assert.equal(planned("aws_eks_node_group.groups-arm").taint[0].effect, "NO_SCHEDULE");
  assert.equal(planned("aws_subnet.auto-private-c").cidr_block, "10.1.8.0/22");
});

test("planned: a database is shut in, encrypted, kept and logged, and its password is RDS' own", { skip }, () => {
  const made = planned("aws_db_instance.groups-harbor-database");
  assert.deepEqual(
    [
      made.storage_encrypted,
      made.multi_az,
      made.publicly_accessible,
      made.deletion_protection,
      made.skip_final_snapshot,
    ],
    [true, true, false, true, false],
  );
  assert.deepEqual([made.manage_master_user_password, made.password ?? null], [true, null]);
  assert.deepEqual([made.backup_retention_period, made.auto_minor_version_upgrade], [14, true]);
  assert.deepEqual([...made.enabled_cloudwatch_logs_exports].sort(), ["postgresql", "upgrade"]);
  const [forced] = planned("aws_db_parameter_group.groups-harbor-database").parameter;
  assert.deepEqual([forced.name, forced.value], ["rds.force_ssl", "1"]);
});

// It knows no add-ons, access entries, Pod Identity, passwords that RDS makes and the security group of a cluster. A lifecycle it does know, but the provider waits a minute for its effect.
const leftOut = [
  "aws:eks/addon:",
  "aws:eks/accessEntry:",
  "aws:eks/accessPolicyAssociation:",
  "aws:eks/podIdentityAssociation:",
  "aws:rds/",
  "aws:secretsmanager/",
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule groups-harbor-database",
  "aws:s3/bucketLifecycleConfiguration:",
];
test("moto: what is applied is there, leaves nothing to change, and goes again", {
  skip: skip ?? whyNoMoto(),
}, async () => {
  if ("missing" in provider) return;
  const moto = await startMoto();
  let applied: Workspace | undefined;
  try {
    const small = { nodeGroups: [general], network: { natPerZone: false, endpoints: ["sts"] } };
    const resources = (await record(withGroups(small))).filter(
      ({ type, name }) => !leftOut.some((each) => `${type} ${name}`.startsWith(each)),
    );
    const services = ["ec2", "ecr", "eks", "iam", "kms", "logs", "s3", "s3control", "sts"];
    const at = {
      region,
      ...offline,
      s3_use_path_style: true,
      endpoints: Object.fromEntries(services.map((service) => [service, moto.url])),
    };
    applied = await workspace(tofu, provider.path, forgetting(translate(resources, at)));
    await applied.apply();
    assert.ok((await applied.there()).length > 50);
    const again = (await applied.plan()).filter(({ change }) => change.actions.join() !== "no-op");
    assert.deepEqual(
      again.map(({ address, change }) => `${address} ${change.actions}`),
      [],
    );
    await applied.destroy();
    assert.deepEqual(await applied.there(), []);
  } finally {
    await applied?.remove();
    await moto.stop();
  }
});
