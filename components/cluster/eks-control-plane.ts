// What is the control plane of an EKS cluster told, and when is a change of its version refused?
import { Cluster, type ClusterArgs } from "@pulumi/aws/eks/cluster.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import * as pulumi from "@pulumi/pulumi";
import { getMonitor } from "@pulumi/pulumi/runtime/settings.js";
import type { EksClusterArgs } from "./eks-args.ts";
import { usualServiceCidr } from "./eks-checks.ts";
import { partitionOf } from "./eks-regions.ts";
import { upgradeProblem } from "./eks-versions.ts";
import { serviceRole } from "./iam.ts";
import { policyDocument } from "./policy.ts";

const logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
const autoPolicies = ["BlockStorage", "Compute", "LoadBalancing", "Networking"];

/** What the control plane stands on. */
export interface ControlPlaneFacts {
  readonly args: EksClusterArgs;
  readonly cluster: string;
  readonly keyArn: pulumi.Input<string>;
  readonly nodeRoleArn: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<string>[];
  /** What must be there first: its group of logs, and what nodes may do. */
  readonly after: readonly pulumi.Resource[];
  readonly transform: ((args: ClusterArgs) => ClusterArgs) | undefined;
}

/** Refuses a change of the version that EKS would refuse as well, in the preview and before anything is changed. */
export const refuseWrongUpgrade = ({ oldInputs, newInputs, name }: pulumi.ResourceHookArgs): void => {
  const [from, to] = [oldInputs?.version, newInputs?.version];
  if (typeof from !== "string" || typeof to !== "string") return;
  const problem = upgradeProblem(from, to);
  if (problem) throw new Error(`${name}: version: found ${JSON.stringify(to)}; ${problem}`);
};

// Pulumi's mocks, in whose place no engine is, fail on the first hook.
const takesHooks = (): boolean => "registerResourceHook" in (getMonitor() ?? {});

/** Declares the control plane, with its role. */
export const controlPlane = (
  name: string,
  { args, cluster, keyArn, nodeRoleArn, subnetIds, after, transform }: ControlPlaneFacts,
  opts: pulumi.ComponentResourceOptions,
): Cluster => {
  const { region, account, nodeGroups, publicAccessCidrs, deletionProtection = true, extendedSupport = false } = args;
  const auto = nodeGroups === undefined;
  const { role, ready } = serviceRole(
    `${name}-cluster`,
    {
      name: `${cluster}-cluster`,
      account,
      service: "eks.amazonaws.com",
      tagSession: auto,
      policies: ["Cluster", ...(auto ? autoPolicies : [])].map(
        (what) => `arn:${partitionOf(region)}:iam::aws:policy/AmazonEKS${what}Policy`,
      ),
    },
    opts,
  );
  const mayEncrypt = new RolePolicy(
    `${name}-cluster`,
    {
      name: "encrypt",
      role: role.name,
      policy: policyDocument([
        { actions: ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"], resources: [keyArn] },
      ]),
    },
    opts,
  );
  const clusterArgs: ClusterArgs = {
    name: cluster,
    version: args.version,
    roleArn: role.arn,
    vpcConfig: {
      subnetIds,
      endpointPrivateAccess: true,
      endpointPublicAccess: publicAccessCidrs !== undefined,
      ...(publicAccessCidrs && { publicAccessCidrs }),
    },
    accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false },
    encryptionConfig: { provider: { keyArn }, resources: ["secrets"] },
    enabledClusterLogTypes: logTypes,
    kubernetesNetworkConfig: {
      serviceIpv4Cidr: args.serviceCidr ?? usualServiceCidr,
      ...(auto && { elasticLoadBalancing: { enabled: true } }),
    },
    // Add-ons that nobody declares would be there in versions that nobody chose.
    bootstrapSelfManagedAddons: false,
    ...(auto && {
      computeConfig: { enabled: true, nodePools: ["general-purpose", "system"], nodeRoleArn },
      storageConfig: { blockStorage: { enabled: true } },
    }),
    upgradePolicy: { supportType: extendedSupport ? "EXTENDED" : "STANDARD" },
    zonalShiftConfig: { enabled: true },
    deletionProtection,
  };
  return new Cluster(`${name}-cluster`, transform?.(clusterArgs) ?? clusterArgs, {
    ...opts,
    dependsOn: [...ready, mayEncrypt, ...after],
    ...(takesHooks() && {
      hooks: { beforeUpdate: [new pulumi.ResourceHook(`${name}-version`, refuseWrongUpgrade, { onDryRun: true })] },
    }),
  });
};
