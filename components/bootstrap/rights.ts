// What may CI do at AWS? Make and change clusters whose names begin with its own, and keep their state.
import * as pulumi from "@pulumi/pulumi";
import { partitionOf } from "../cluster/eks-regions.ts";
import type { Statement } from "../cluster/policy.ts";

/** A bucket of state, with the key that encrypts its objects. */
export interface StateBucket {
  readonly bucketArn: pulumi.Input<string>;
  readonly keyArn: pulumi.Input<string>;
}

/** To read a state; what is secret in it stays encrypted. */
export const readState = ({ bucketArn, keyArn }: StateBucket): Statement[] => [
  { sid: "ListState", actions: ["s3:ListBucket"], resources: [bucketArn] },
  { sid: "ReadState", actions: ["s3:GetObject"], resources: [pulumi.interpolate`${bucketArn}/*`] },
  { sid: "OpenState", actions: ["kms:Decrypt"], resources: [keyArn] },
];

/** To write a state, and to hold its lock. */
export const writeState = ({ bucketArn, keyArn }: StateBucket): Statement[] => [
  { sid: "ListState", actions: ["s3:ListBucket"], resources: [bucketArn] },
  {
    sid: "WriteState",
    actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
    resources: [pulumi.interpolate`${bucketArn}/*`],
  },
  { sid: "OpenState", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [keyArn] },
  {
    // A state that was overwritten is brought back from an earlier version: CI can't take those away.
    sid: "KeepState",
    deny: true,
    actions: [
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:DeleteObjectVersion",
      "s3:PutBucketPolicy",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ],
    resources: [bucketArn, pulumi.interpolate`${bucketArn}/*`],
  },
];

/** To open what is secret in a state. */
export const decryptState = (keyArn: pulumi.Input<string>): Statement => ({
  sid: "OpenSecrets",
  actions: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
  resources: [keyArn],
});

const words = (prefix: string, text: string): string[] => text.split(/\s+/).map((word) => `${prefix}:${word}`);

const network = words(
  "ec2",
  `AllocateAddress AssociateRouteTable AttachInternetGateway AuthorizeSecurityGroupIngress CreateFlowLogs
  CreateInternetGateway CreateLaunchTemplate CreateLaunchTemplateVersion CreateNatGateway CreateRoute CreateRouteTable
  CreateSecurityGroup CreateSubnet CreateTags CreateVpc CreateVpcEndpoint DeleteFlowLogs DeleteInternetGateway
  DeleteLaunchTemplate DeleteLaunchTemplateVersions DeleteNatGateway DeleteRoute DeleteRouteTable DeleteSecurityGroup
  DeleteSubnet DeleteTags DeleteVpc DeleteVpcEndpoints DescribeAddresses DescribeAddressesAttribute
  DescribeAvailabilityZones DescribeFlowLogs DescribeInternetGateways DescribeLaunchTemplates
  DescribeLaunchTemplateVersions DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces DescribePrefixLists
  DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeTags
  DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs DetachInternetGateway DisassociateAddress
  DisassociateRouteTable ModifyLaunchTemplate ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpoint ReleaseAddress
  ReplaceRoute RevokeSecurityGroupEgress RevokeSecurityGroupIngress RunInstances`,
);
const clusters = words(
  "eks",
  `AssociateAccessPolicy CreateAccessEntry CreateAddon CreateCluster CreateNodegroup CreatePodIdentityAssociation
  DeleteAccessEntry DeleteAddon DeleteCluster DeleteNodegroup DeletePodIdentityAssociation DescribeAccessEntry
  DescribeAddon DescribeCluster DescribeNodegroup DescribePodIdentityAssociation DescribeUpdate
  DisassociateAccessPolicy ListAssociatedAccessPolicies ListPodIdentityAssociations ListTagsForResource ListUpdates
  TagResource UntagResource UpdateAccessEntry UpdateAddon UpdateClusterConfig UpdateClusterVersion
  UpdateNodegroupConfig UpdateNodegroupVersion UpdatePodIdentityAssociation`,
);
const roles = words(
  "iam",
  `CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy ListAttachedRolePolicies
  ListInstanceProfilesForRole ListRolePolicies PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole`,
);
const keys = words(
  "kms",
  `CreateGrant DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy
  ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription`,
);
const buckets = words(
  "s3",
  `CreateBucket DeleteBucketPolicy GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation
  GetBucketLogging GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
  GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
  GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration ListBucket PutBucketOwnershipControls
  PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning PutEncryptionConfiguration
  PutLifecycleConfiguration`,
);
const images = words(
  "ecr",
  `CreateRepository DeleteLifecyclePolicy DeleteRepository DescribeRepositories GetLifecyclePolicy ListTagsForResource
  PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy TagResource UntagResource`,
);
const logs = words(
  "logs",
  `AssociateKmsKey CreateLogGroup DeleteLogGroup ListTagsForResource PutRetentionPolicy TagResource UntagResource`,
);

// What the roles of a cluster are given, as the components name it.
const attachable = [
  "AmazonEC2ContainerRegistryPullOnly",
  "AmazonEKSBlockStoragePolicy",
  "AmazonEKSClusterPolicy",
  "AmazonEKSComputePolicy",
  "AmazonEKSLoadBalancingPolicy",
  "AmazonEKSNetworkingPolicy",
  "AmazonEKSWorkerNodeMinimalPolicy",
  "AmazonEKSWorkerNodePolicy",
  "AmazonEKS_CNI_Policy",
  "service-role/AmazonEBSCSIDriverPolicy",
];
const services = ["ec2", "eks", "pods.eks", "vpc-flow-logs"].map((service) => `${service}.amazonaws.com`);

/** To make and change clusters whose names begin with a prefix, with all that belongs to them. */
export const applyRights = ({
  prefix,
  account,
  region,
}: {
  readonly prefix: string;
  readonly account: string;
  readonly region: string;
}): Statement[] => {
  const partition = partitionOf(region);
  const arn = (service: string, rest: string) => `arn:${partition}:${service}:${region}:${account}:${rest}`;
  const role = (name: string) => `arn:${partition}:iam::${account}:role/${name}`;
  const here = { StringEquals: { "aws:RequestedRegion": region } };
  const eksKinds = ["cluster", "nodegroup", "addon", "access-entry", "podidentityassociation"];
  return [
    // Parts of a network have identifiers that nobody knows before.
    { sid: "Network", actions: network, resources: ["*"], condition: here },
    { sid: "Clusters", actions: clusters, resources: eksKinds.map((kind) => arn("eks", `${kind}/${prefix}-*`)) },
    { sid: "Roles", actions: roles, resources: [role(`${prefix}-*`)] },
    {
      sid: "RolesOfAws",
      actions: ["iam:AttachRolePolicy"],
      resources: [role(`${prefix}-*`)],
      condition: {
        ArnEquals: { "iam:PolicyARN": attachable.map((policy) => `arn:${partition}:iam::aws:policy/${policy}`) },
      },
    },
    {
      sid: "HandOver",
      actions: ["iam:PassRole"],
      resources: [role(`${prefix}-*`)],
      condition: { StringEquals: { "iam:PassedToService": services } },
    },
    {
      sid: "ServiceRoles",
      actions: ["iam:CreateServiceLinkedRole"],
      resources: ["eks.amazonaws.com", "eks-nodegroup.amazonaws.com", "spot.amazonaws.com"].map((service) =>
        role(`aws-service-role/${service}/*`),
      ),
    },
    {
      // Whoever applies can't give itself more.
      sid: "NotItself",
      deny: true,
      actions: words(
        "iam",
        "AttachRolePolicy DeleteRole DeleteRolePolicy DetachRolePolicy PassRole PutRolePolicy UpdateAssumeRolePolicy UpdateRole",
      ),
      resources: [role(`${prefix}-ci`), role(`${prefix}-ci-preview`)],
    },
    // A key has no name before it is made.
    { sid: "NewKeys", actions: ["kms:CreateKey", "kms:ListAliases"], resources: ["*"], condition: here },
    { sid: "Keys", actions: keys, resources: [arn("kms", "key/*")] },
    {
      sid: "KeyNames",
      actions: ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
      resources: [arn("kms", "key/*"), arn("kms", `alias/${prefix}-*`)],
    },
    { sid: "Buckets", actions: buckets, resources: [`arn:${partition}:s3:::${prefix}-*`] },
    // They are called as the programs are whose images they hold.
    { sid: "Images", actions: images, resources: [arn("ecr", "repository/*")] },
    {
      sid: "Logs",
      actions: logs,
      resources: ["eks", "vpc"].map((kind) => arn("logs", `log-group:/aws/${kind}/${prefix}-*`)),
    },
    // It lists them all, and can't be asked for fewer.
    { sid: "FindLogs", actions: ["logs:DescribeLogGroups"], resources: ["*"], condition: here },
  ];
};
