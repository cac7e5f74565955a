// What is a database of a cluster at AWS? PostgreSQL of RDS that only the cluster reaches, with a password that nobody is shown.
import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Instance } from "@pulumi/aws/rds/instance.js";
import { ParameterGroup } from "@pulumi/aws/rds/parameterGroup.js";
import { SubnetGroup } from "@pulumi/aws/rds/subnetGroup.js";
import { SecretRotation } from "@pulumi/aws/secretsmanager/secretRotation.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { CloudDatabase, CloudDatabaseArgs } from "../cloud.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { logsMayUse, ownKey, type Place } from "./eks-keys.ts";

/** Where a database of a cluster stands. */
export interface DatabaseFacts extends Place {
  /** Name of the cluster's component. */
  readonly component: string;
  readonly vpcId: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<string>[];
  /** Security group of the nodes, which alone gets in. */
  readonly nodesGroupId: pulumi.Input<string>;
  /** Days that its logs are kept. */
  readonly retention: number;
  readonly deletionProtection: boolean;
}

// Minor versions follow by themselves; another major one is a decision, with a dump before it.
const major = "17";
const port = 5432;

const days = (most: number) =>
  z.int("whole days").min(1, `1 to ${most} days`).max(most, `1 to ${most} days`).exactOptional();
const schema = z.strictObject({
  instanceClass: z
    .string()
    .regex(/^db\.[a-z0-9-]+\.[a-z0-9-]+$/, 'a class such as "db.m7g.large"')
    .exactOptional(),
  storage: z.int("whole GiB").min(20, "20 to 65536 GiB").max(65_536, "20 to 65536 GiB").exactOptional(),
  maxStorage: z.int("whole GiB").min(22, "22 to 65536 GiB").max(65_536, "22 to 65536 GiB").exactOptional(),
  multiAz: z.boolean("true or false").exactOptional(),
  backups: days(35),
  passwordDays: days(1000),
});

const usual = { instanceClass: "db.t4g.medium", storage: 20, multiAz: true, backups: 14, passwordDays: 365 };

/**
 * Declares a database.
 *
 * @param called name within the cluster: "harbor"
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export const eksDatabase = (
  called: string,
  args: CloudDatabaseArgs,
  facts: DatabaseFacts,
  opts: pulumi.ComponentResourceOptions,
): CloudDatabase => {
  const { component, cluster, account, region, retention, deletionProtection } = facts;
  const identifier = `${cluster}-${called}`;
  const { instanceClass, storage, multiAz, backups, passwordDays } = { ...usual, ...args };
  const { maxStorage = Math.min(storage * 5, 65_536) } = args;
  refuse(`database ${called}`, [
    ...problemsOf(schema.safeParse(args), args, ""),
    ...(identifier.length > 63 || /--|-$/.test(identifier)
      ? [
          {
            field: "name",
            value: identifier,
            allowed: "at most 63 characters, without two - together or one at the end",
          },
        ]
      : []),
    // RDS takes no limit that is nearer.
    ...(maxStorage < storage * 1.1
      ? [{ field: "maxStorage", value: maxStorage, allowed: `a tenth more than storage, which is ${storage}` }]
      : []),
  ]);
  const name = `${component}-${called}-database`;
  const tags = { Name: identifier };
  const exports = ["postgresql", "upgrade"];
  const groups = exports.map((log) => `/aws/rds/instance/${identifier}/${log}`);
  const { key } = ownKey(
    name,
    { account, region, alias: `${identifier}-database`, description: `Database ${called} of the cluster ${cluster}` },
    [logsMayUse({ account, region }, groups)],
    // Without it, the snapshot that stays is lost.
    { ...opts, retainOnDelete: true },
  );
  // RDS makes them without an end and a key where they aren't there.
  const logs = groups.map(
    (group, index) =>
      new LogGroup(`${name}-${exports[index]}`, { name: group, retentionInDays: retention, kmsKeyId: key.arn }, opts),
  );
  const subnets = new SubnetGroup(
    name,
    { name: identifier, description: `Private subnets of the cluster ${cluster}`, subnetIds: facts.subnetIds, tags },
    opts,
  );
  const group = new SecurityGroup(
    name,
    { name: `${identifier}-database`, description: `Database ${called}, for nodes and pods`, vpcId: facts.vpcId, tags },
    opts,
  );
  const opened = new SecurityGroupIngressRule(
    name,
    {
      securityGroupId: group.id,
      description: "PostgreSQL from the nodes and pods of the cluster",
      referencedSecurityGroupId: facts.nodesGroupId,
      ipProtocol: "tcp",
      fromPort: port,
      toPort: port,
    },
    opts,
  );
  const parameters = new ParameterGroup(
    name,
    {
      name: identifier,
      family: `postgres${major}`,
      description: `Database ${called} of the cluster ${cluster}`,
      // Nobody talks to it without TLS.
      parameters: [{ name: "rds.force_ssl", value: "1" }],
      tags,
    },
    opts,
  );
  const [username, database] = [called.replaceAll("-", "_"), called.replaceAll("-", "_")];
  const made = new Instance(
    name,
    {
      identifier,
      engine: "postgres",
      engineVersion: major,
      autoMinorVersionUpgrade: true,
      instanceClass,
      allocatedStorage: storage,
      maxAllocatedStorage: maxStorage,
      storageType: "gp3",
      storageEncrypted: true,
      kmsKeyId: key.arn,
      multiAz,
      dbSubnetGroupName: subnets.name,
      vpcSecurityGroupIds: [group.id],
      publiclyAccessible: false,
      parameterGroupName: parameters.name,
      dbName: database,
      username,
      // RDS makes it and keeps it in Secrets Manager: it passes through no state.
      manageMasterUserPassword: true,
      iamDatabaseAuthenticationEnabled: true,
      backupRetentionPeriod: backups,
      copyTagsToSnapshot: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: `${identifier}-final`,
      deletionProtection,
      enabledCloudwatchLogsExports: exports,
      tags,
    },
    { ...opts, dependsOn: logs },
  );
  const secret = made.masterUserSecrets.apply((secrets) => secrets[0]?.secretArn ?? "");
  // Each seven days otherwise: programs that read a password at their start would miss it.
  const renewed = new SecretRotation(
    name,
    { secretId: secret, rotateImmediately: false, rotationRules: { automaticallyAfterDays: passwordDays } },
    opts,
  );
  return { host: made.address, port, username, database, secret, ready: [made, opened, renewed] };
};
