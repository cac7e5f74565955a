// What do layers on an EKS cluster have at AWS? Buckets, keys, databases and identities, with the least rights for each use.

import { LifecyclePolicy } from "@pulumi/aws/ecr/lifecyclePolicy.js";
import { Repository } from "@pulumi/aws/ecr/repository.js";
import { PodIdentityAssociation } from "@pulumi/aws/eks/podIdentityAssociation.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration.js";
import { BucketOwnershipControls } from "@pulumi/aws/s3/bucketOwnershipControls.js";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning.js";
import * as pulumi from "@pulumi/pulumi";
import type { Cloud, CloudBucket, CloudIdentityArgs, CloudKey } from "../cloud.ts";
import { refuse } from "../problems.ts";
import { type DatabaseFacts, eksDatabase } from "./eks-database.ts";
import { ownKey } from "./eks-keys.ts";
import { partitionOf } from "./eks-regions.ts";
import { serviceRole } from "./iam.ts";
import { policyDocument, type Statement } from "./policy.ts";

/** The cluster that has them. */
export interface CloudFacts extends DatabaseFacts {
  readonly clusterName: pulumi.Input<string>;
  readonly opts: pulumi.ComponentResourceOptions;
}

/** A bucket that nobody reads from outside, encrypted with a key of its own; what is overwritten is kept for some days. */
export const privateBucket = (
  name: string,
  { bucket, account, region, kept }: { bucket: string; account: string; region: string; kept: number },
  opts: pulumi.ComponentResourceOptions,
): {
  readonly bucketArn: pulumi.Output<string>;
  readonly keyArn: pulumi.Output<string>;
  readonly ready: pulumi.Resource[];
} => {
  const { key } = ownKey(
    name,
    { account, region, alias: bucket, description: `Objects of the bucket ${bucket}` },
    [],
    // Without it, what stays in the bucket is lost.
    { ...opts, retainOnDelete: true },
  );
  // What is in it outlives the stack: only whoever empties it by hand can remove it.
  const made = new Bucket(name, { bucket, forceDestroy: false }, { ...opts, retainOnDelete: true });
  const of = { bucket: made.bucket };
  const shut = new BucketPublicAccessBlock(
    name,
    { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    opts,
  );
  const owned = new BucketOwnershipControls(name, { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } }, opts);
  const versioned = new BucketVersioning(name, { ...of, versioningConfiguration: { status: "Enabled" } }, opts);
  const encrypted = new BucketServerSideEncryptionConfiguration(
    name,
    {
      ...of,
      rules: [
        {
          applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
          bucketKeyEnabled: true,
        },
      ],
    },
    opts,
  );
  const tidied = new BucketLifecycleConfiguration(
    name,
    {
      ...of,
      rules: [
        {
          id: "overwritten",
          status: "Enabled",
          filter: { prefix: "" },
          noncurrentVersionExpiration: { noncurrentDays: kept },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
      ],
    },
    { ...opts, dependsOn: versioned },
  );
  const encryptedWay = new BucketPolicy(
    name,
    {
      ...of,
      policy: policyDocument([
        {
          sid: "OnlyByTls",
          deny: true,
          principal: { AWS: "*" },
          actions: ["s3:*"],
          resources: [made.arn, pulumi.interpolate`${made.arn}/*`],
          condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ]),
    },
    { ...opts, dependsOn: shut },
  );
  return {
    bucketArn: made.arn,
    keyArn: key.arn,
    ready: [made, shut, owned, versioned, encrypted, tidied, encryptedWay],
  };
};

/** What the layers on a cluster may ask for. */
export const eksCloud = (facts: CloudFacts): Cloud => {
  const { component, cluster, account, region, clusterName, opts } = facts;
  const partition = partitionOf(region);

  const bucket = (name: string): CloudBucket => {
    // Names of buckets are of the whole world: account and region make it nobody else's.
    const called = `${cluster}-${name}-${account}-${region}`;
    if (called.length > 63)
      refuse("bucket", [
        { field: "name", value: called, allowed: "at most 63 characters: a shorter name of the cluster" },
      ]);
    const { bucketArn, keyArn } = privateBucket(
      `${component}-${name}`,
      { bucket: called, account, region, kept: 7 },
      opts,
    );
    const objects = [pulumi.interpolate`${bucketArn}/*`];
    const list: Statement = { actions: ["s3:ListBucket", "s3:GetBucketLocation"], resources: [bucketArn] };
    return {
      name: called,
      read: {
        statements: [
          list,
          { actions: ["s3:GetObject"], resources: objects },
          { actions: ["kms:Decrypt"], resources: [keyArn] },
        ],
      },
      readWrite: {
        statements: [
          { ...list, actions: [...list.actions, "s3:ListBucketMultipartUploads"] },
          {
            actions: [
              "s3:GetObject",
              "s3:PutObject",
              "s3:DeleteObject",
              "s3:AbortMultipartUpload",
              "s3:ListMultipartUploadParts",
            ],
            resources: objects,
          },
          { actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [keyArn] },
        ],
      },
    };
  };

  const key = (name: string): CloudKey => {
    const { key: made } = ownKey(
      `${component}-${name}`,
      { account, region, alias: `${cluster}-${name}`, description: `${name} of the cluster ${cluster}` },
      [],
      // What it encrypted outlives the stack.
      { ...opts, retainOnDelete: true },
    );
    return {
      alias: `alias/${cluster}-${name}`,
      unseal: { statements: [{ actions: ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], resources: [made.arn] }] },
    };
  };

  const repository = (name: string): void => {
    const own = `${component}-${name.replaceAll("/", "-")}`;
    const { key: images } = ownKey(
      `${own}-images`,
      { account, region, alias: `${cluster}-images-${name}`, description: `Images ${name} of the cluster ${cluster}` },
      [],
      { ...opts, retainOnDelete: true },
    );
    const { name: repositoryName } = new Repository(
      own,
      {
        name,
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: images.arn }],
        forceDelete: false,
      },
      { ...opts, retainOnDelete: true },
    );
    const policy = JSON.stringify({
      rules: [
        {
          rulePriority: 1,
          description: "What has no tag is of a push that was not finished",
          selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
          action: { type: "expire" },
        },
      ],
    });
    new LifecyclePolicy(own, { repository: repositoryName, policy }, opts);
  };

  const identity = ({ namespace, serviceAccount, grants }: CloudIdentityArgs): pulumi.Resource => {
    const who = namespace === serviceAccount ? namespace : `${namespace}-${serviceAccount}`;
    const called = `${cluster}-pod-${who}`;
    if (called.length > 64)
      refuse("identity", [
        {
          field: "name",
          value: called,
          allowed: "at most 64 characters, as IAM takes them: shorter names of cluster and namespace",
        },
      ]);
    const name = `${component}-pod-${who}`;
    const { role } = serviceRole(
      name,
      {
        name: called,
        account,
        service: "pods.eks.amazonaws.com",
        tagSession: true,
        sourceArn: `arn:${partition}:eks:${region}:${account}:cluster/${cluster}`,
      },
      opts,
    );
    const may = new RolePolicy(
      name,
      { name: "granted", role: role.name, policy: policyDocument(grants.flatMap(({ statements }) => statements)) },
      opts,
    );
    return new PodIdentityAssociation(
      name,
      { clusterName, namespace, serviceAccount, roleArn: role.arn },
      { ...opts, dependsOn: may },
    );
  };

  return {
    region,
    registryHost: `${account}.dkr.ecr.${region}.amazonaws.com${partition === "aws-cn" ? ".cn" : ""}`,
    repository,
    bucket,
    key,
    database: (name, args = {}) => eksDatabase(name, args, facts, opts),
    zone: (id) => ({
      records: {
        statements: [
          {
            actions: ["route53:ListResourceRecordSets"],
            resources: [`arn:${partition}:route53:::hostedzone/${id}`],
          },
          {
            actions: ["route53:ChangeResourceRecordSets"],
            resources: [`arn:${partition}:route53:::hostedzone/${id}`],
            // What proves who owns a name; no address of it.
            condition: { "ForAllValues:StringEquals": { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"] } },
          },
          // A change has a number of its own, which nobody knows before.
          { actions: ["route53:GetChange"], resources: [`arn:${partition}:route53:::change/*`] },
        ],
      },
    }),
    secrets: () => ({
      read: {
        statements: [
          {
            actions: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            resources: [`arn:${partition}:secretsmanager:${region}:${account}:secret:${cluster}/*`],
          },
          {
            actions: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            // RDS gives them a number and tags them with the database.
            resources: [`arn:${partition}:secretsmanager:${region}:${account}:secret:rds!db-*`],
            condition: {
              StringLike: {
                "aws:ResourceTag/aws:rds:primaryDBInstanceArn": `arn:${partition}:rds:${region}:${account}:db:${cluster}-*`,
              },
            },
          },
        ],
      },
    }),
    identity,
  };
};
