// What does a cluster with node groups need beside nodes? Add-ons that EKS runs, each at a version that fits the cluster's.
import { Addon } from "@pulumi/aws/eks/addon.js";
import type * as pulumi from "@pulumi/pulumi";
import { partitionOf } from "./eks-regions.ts";
import { type AddOn, addOnNames, addOnVersions, type EksAddOnVersionsArgs } from "./eks-versions.ts";
import { serviceRole } from "./iam.ts";

/** Facts that all add-ons share. */
export interface AddOnFacts {
  readonly cluster: string;
  readonly clusterName: pulumi.Input<string>;
  readonly account: string;
  readonly region: string;
  readonly version: string;
  readonly versions: EksAddOnVersionsArgs;
}

// Whose pods call AWS, as which ServiceAccount, and with which policy of AWS.
const identities: Partial<Record<AddOn, { serviceAccount: string; policy: string }>> = {
  vpcCni: { serviceAccount: "aws-node", policy: "AmazonEKS_CNI_Policy" },
  ebsCsiDriver: { serviceAccount: "ebs-csi-controller-sa", policy: "service-role/AmazonEBSCSIDriverPolicy" },
};

const configuration: Partial<Record<AddOn, object>> = {
  // Without this, a NetworkPolicy is accepted and holds nobody back.
  vpcCni: { enableNetworkPolicy: "true" },
};

/** Nodes are not ready without them: they come before the first node, and are upgraded before the nodes are. */
export const beforeNodes: readonly AddOn[] = ["podIdentityAgent", "kubeProxy", "vpcCni"];
/** They wait for nodes to run on, so that nodes don't wait for them. */
export const besideNodes: readonly AddOn[] = ["coredns", "ebsCsiDriver"];

/** Declares an add-on. */
export const addOn = (
  name: string,
  which: AddOn,
  { cluster, clusterName, account, region, version, versions }: AddOnFacts,
  opts: pulumi.CustomResourceOptions,
): Addon => {
  const called = addOnNames[which];
  const identity = identities[which];
  const granted =
    identity &&
    serviceRole(
      `${name}-${called}`,
      {
        name: `${cluster}-${called.replace(/^aws-/, "")}`,
        account,
        service: "pods.eks.amazonaws.com",
        tagSession: true,
        policies: [`arn:${partitionOf(region)}:iam::aws:policy/${identity.policy}`],
      },
      opts,
    );
  return new Addon(
    `${name}-${called}`,
    {
      clusterName,
      addonName: called,
      addonVersion: addOnVersions(version, versions)[which],
      // What is declared here holds, as with every object of the platform.
      resolveConflictsOnCreate: "OVERWRITE",
      resolveConflictsOnUpdate: "OVERWRITE",
      ...(configuration[which] && { configurationValues: JSON.stringify(configuration[which]) }),
      ...(identity &&
        granted && {
          podIdentityAssociations: [{ serviceAccount: identity.serviceAccount, roleArn: granted.role.arn }],
        }),
    },
    { ...opts, dependsOn: [...[opts.dependsOn ?? []].flat(), ...(granted?.ready ?? [])] as pulumi.Resource[] },
  );
};
