// What is encrypted with a key of one's own, and what is logged? The key of a cluster, and its two groups of logs.
import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup.js";
import { FlowLog } from "@pulumi/aws/ec2/flowLog.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { Alias } from "@pulumi/aws/kms/alias.js";
import { Key } from "@pulumi/aws/kms/key.js";
import * as pulumi from "@pulumi/pulumi";
import { partitionOf } from "./eks-regions.ts";
import { serviceRole } from "./iam.ts";
import { policyDocument, type Statement } from "./policy.ts";

/** Where something stands at AWS. */
export interface Place {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly account: string;
  readonly region: string;
}

/** What the account itself may do with a key, so that policies of IAM count and nobody is locked out. */
const administration = [
  "kms:CancelKeyDeletion",
  "kms:CreateAlias",
  "kms:CreateGrant",
  "kms:Decrypt",
  "kms:DeleteAlias",
  "kms:DescribeKey",
  "kms:DisableKey",
  "kms:EnableKey",
  "kms:EnableKeyRotation",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:ListAliases",
  "kms:ListGrants",
  "kms:ListKeyPolicies",
  "kms:ListResourceTags",
  "kms:PutKeyPolicy",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  "kms:RevokeGrant",
  "kms:ScheduleKeyDeletion",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateAlias",
  "kms:UpdateKeyDescription",
];

/** Declares a key that is renewed each year, under an alias that is known beforehand. */
export const ownKey = (
  name: string,
  { account, region, alias, description }: Pick<Place, "account" | "region"> & { alias: string; description: string },
  statements: readonly Statement[],
  opts: pulumi.ComponentResourceOptions,
): { readonly key: Key; readonly alias: Alias } => {
  const key = new Key(
    name,
    {
      description,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: policyDocument([
        {
          sid: "Account",
          principal: { AWS: `arn:${partitionOf(region)}:iam::${account}:root` },
          actions: administration,
          // In the policy of a key this is the key.
          resources: ["*"],
        },
        ...statements,
      ]),
    },
    opts,
  );
  return { key, alias: new Alias(name, { name: `alias/${alias}`, targetKeyId: key.keyId }, opts) };
};

/** What CloudWatch may do with a key, for these groups of logs alone. */
export const logsMayUse = (
  { account, region }: Pick<Place, "account" | "region">,
  groups: readonly string[],
): Statement => {
  const partition = partitionOf(region);
  return {
    sid: "Logs",
    principal: { Service: `logs.${region}.amazonaws.com${partition === "aws-cn" ? ".cn" : ""}` },
    actions: [
      "kms:Encrypt",
      "kms:Decrypt",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
      "kms:GenerateDataKey",
      "kms:DescribeKey",
    ],
    resources: ["*"],
    condition: {
      ArnEquals: {
        "kms:EncryptionContext:aws:logs:arn": groups.map(
          (group) => `arn:${partition}:logs:${region}:${account}:log-group:${group}`,
        ),
      },
    },
  };
};

const groupNames = (cluster: string) => ({
  // EKS writes to this name, and makes the group without an end and a key where it isn't there.
  controlPlane: `/aws/eks/${cluster}/cluster`,
  network: `/aws/vpc/${cluster}/flow`,
});

/** Declares the key with which the Secrets of a cluster are encrypted, and its logs. */
export const clusterKey = (name: string, place: Place, opts: pulumi.ComponentResourceOptions): Key => {
  const { cluster, account, region } = place;
  const { key } = ownKey(
    name,
    { account, region, alias: `${cluster}-cluster`, description: `Secrets and logs of the cluster ${cluster}` },
    [logsMayUse({ account, region }, Object.values(groupNames(cluster)))],
    opts,
  );
  return key;
};

/** Declares the group that the control plane writes its logs to. */
export const controlPlaneLogs = (
  name: string,
  { cluster, retention, key }: { cluster: string; retention: number; key: Key },
  opts: pulumi.ComponentResourceOptions,
): LogGroup =>
  new LogGroup(
    `${name}-control-plane`,
    { name: groupNames(cluster).controlPlane, retentionInDays: retention, kmsKeyId: key.arn },
    opts,
  );

/** Declares who talked to whom in a VPC, as a log. */
export const flowLog = (
  name: string,
  {
    cluster,
    account,
    vpcId,
    retention,
    key,
  }: { cluster: string; account: string; vpcId: pulumi.Input<string>; retention: number; key: Key },
  opts: pulumi.ComponentResourceOptions,
): void => {
  const group = new LogGroup(
    `${name}-flow`,
    { name: groupNames(cluster).network, retentionInDays: retention, kmsKeyId: key.arn },
    opts,
  );
  const { role } = serviceRole(
    `${name}-flow`,
    { name: `${cluster}-flow-log`, account, service: "vpc-flow-logs.amazonaws.com" },
    opts,
  );
  const may = new RolePolicy(
    `${name}-flow`,
    {
      name: "write",
      role: role.name,
      policy: policyDocument([
        {
          actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
          // Streams of the one group.
          resources: [group.arn, pulumi.interpolate`${group.arn}:log-stream:*`],
        },
      ]),
    },
    opts,
  );
  new FlowLog(
    `${name}-flow`,
    {
      vpcId,
      trafficType: "ALL",
      logDestinationType: "cloud-watch-logs",
      logDestination: group.arn,
      iamRoleArn: role.arn,
      maxAggregationInterval: 600,
      tags: { Name: cluster },
    },
    { ...opts, dependsOn: may },
  );
};
