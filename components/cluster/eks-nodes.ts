// What do the pods of an EKS cluster run on? Managed node groups, or the nodes that Auto Mode brings.
import { LaunchTemplate, type LaunchTemplateArgs } from "@pulumi/aws/ec2/launchTemplate.js";
import { NodeGroup, type NodeGroupArgs } from "@pulumi/aws/eks/nodeGroup.js";
import type * as pulumi from "@pulumi/pulumi";
import type { EksNodeGroupArgs } from "./eks-args.ts";
import { partitionOf } from "./eks-regions.ts";
import { serviceRole } from "./iam.ts";

/** What code may change about nodes. */
export interface NodeTransform {
  /** Changes the launch template of a group. */
  launchTemplate?: (group: string, args: LaunchTemplateArgs) => LaunchTemplateArgs;
  /** Changes a group. */
  nodeGroup?: (group: string, args: NodeGroupArgs) => NodeGroupArgs;
}

/** Declares the role of nodes. */
export const nodeRole = (
  name: string,
  { cluster, account, region, auto }: { cluster: string; account: string; region: string; auto: boolean },
  opts: pulumi.ComponentResourceOptions,
) =>
  serviceRole(
    `${name}-node`,
    {
      name: `${cluster}-node`,
      account,
      service: `ec2.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`,
      // The network of pods has an identity of its own: no pod that gets hold of the node's can change it.
      policies: [
        auto ? "AmazonEKSWorkerNodeMinimalPolicy" : "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
      ].map((policy) => `arn:${partitionOf(region)}:iam::aws:policy/${policy}`),
    },
    opts,
  );

const amiTypes = {
  bottlerocket: { amd64: "BOTTLEROCKET_x86_64", arm64: "BOTTLEROCKET_ARM_64" },
  al2023: { amd64: "AL2023_x86_64_STANDARD", arm64: "AL2023_ARM_64_STANDARD" },
} as const;

/** Facts that all groups share. */
export interface NodeFacts {
  readonly cluster: string;
  readonly clusterName: pulumi.Input<string>;
  readonly version: string;
  readonly roleArn: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<string>[];
  readonly tags: Readonly<Record<string, string>>;
  readonly transform: NodeTransform;
}

/** Declares a group of nodes. */
export const nodeGroup = (
  name: string,
  group: EksNodeGroupArgs,
  { cluster, clusterName, version, roleArn, subnetIds, tags, transform }: NodeFacts,
  opts: pulumi.CustomResourceOptions,
): NodeGroup => {
  const { os = "bottlerocket", architecture = "amd64", disk = 50, taints = [], min, max } = group;
  const named = { ...tags, Name: `${cluster}-${group.name}` };
  const encrypted = { encrypted: "true", volumeType: "gp3", deleteOnTermination: "true" };
  const templateArgs: LaunchTemplateArgs = {
    name: `${cluster}-${group.name}`,
    updateDefaultVersion: true,
    metadataOptions: {
      httpEndpoint: "enabled",
      httpTokens: "required",
      // A pod on the network of pods is a hop further away: the node's identity is not its.
      httpPutResponseHopLimit: 1,
    },
    blockDeviceMappings:
      os === "bottlerocket"
        ? [
            { deviceName: "/dev/xvda", ebs: { ...encrypted, volumeSize: 4 } },
            { deviceName: "/dev/xvdb", ebs: { ...encrypted, volumeSize: disk } },
          ]
        : [{ deviceName: "/dev/xvda", ebs: { ...encrypted, volumeSize: disk } }],
    // Those of the provider don't reach what a group makes.
    tagSpecifications: ["instance", "volume"].map((resourceType) => ({ resourceType, tags: named })),
  };
  const template = new LaunchTemplate(
    `${name}-${group.name}`,
    transform.launchTemplate?.(group.name, templateArgs) ?? templateArgs,
    opts,
  );
  const groupArgs: NodeGroupArgs = {
    clusterName,
    // A change that AWS can't make in place brings the new group before the old one goes.
    nodeGroupNamePrefix: `${group.name}-`,
    version,
    nodeRoleArn: roleArn,
    subnetIds,
    amiType: amiTypes[os as keyof typeof amiTypes][architecture as "amd64" | "arm64"],
    capacityType: group.spot ? "SPOT" : "ON_DEMAND",
    instanceTypes: group.instanceTypes,
    scalingConfig: { minSize: min, maxSize: max, desiredSize: Math.max(min, 1) },
    updateConfig: { maxUnavailablePercentage: 33 },
    nodeRepairConfig: { enabled: true },
    launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
    ...(group.labels && { labels: group.labels }),
    ...(taints.length > 0 && {
      taints: taints.map(({ key, value, effect = "NO_SCHEDULE" }) => ({ key, effect, ...(value && { value }) })),
    }),
  };
  return new NodeGroup(
    `${name}-${group.name}`,
    transform.nodeGroup?.(group.name, groupArgs) ?? groupArgs,
    // How many there are right now is the autoscaler's to say.
    { ...opts, ignoreChanges: ["scalingConfig.desiredSize"] },
  );
};
