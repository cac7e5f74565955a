// Who may enter an EKS cluster? Roles of IAM, as the identities that the platform knows.
import { AccessEntry } from "@pulumi/aws/eks/accessEntry.js";
import { AccessPolicyAssociation } from "@pulumi/aws/eks/accessPolicyAssociation.js";
import type * as pulumi from "@pulumi/pulumi";
import type { EksIdentitiesArgs } from "./eks-args.ts";
import { partitionOf } from "./eks-regions.ts";

// The groups that admission and the roles of the platform name.
const groups = { ci: "plumbline:ci", ciPreview: "plumbline:ci-preview", developers: "plumbline:developers" } as const;

/**
 * Declares an entry for each identity. Nobody else has one, and the deployers of apps are ServiceAccounts of the cluster.
 *
 * @returns what CI needs before it can write to the cluster
 */
export const accessEntries = (
  name: string,
  {
    clusterName,
    region,
    identities,
  }: { clusterName: pulumi.Input<string>; region: string; identities: EksIdentitiesArgs },
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const entry = (suffix: string, principalArn: string, kubernetesGroups: string[]) =>
    new AccessEntry(`${name}-${suffix}`, { clusterName, principalArn, kubernetesGroups, type: "STANDARD" }, opts);
  const ci = entry("ci", identities.ci, [groups.ci]);
  // No role of Kubernetes is there yet when CI writes the first one.
  const rights = new AccessPolicyAssociation(
    `${name}-ci`,
    {
      clusterName,
      principalArn: identities.ci,
      policyArn: `arn:${partitionOf(region)}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`,
      accessScope: { type: "cluster" },
    },
    { ...opts, dependsOn: ci },
  );
  // It reads what people read: the group's role comes with the platform.
  if (identities.ciPreview) entry("ci-preview", identities.ciPreview, [groups.ciPreview, groups.developers]);
  for (const role of identities.developers ?? [])
    entry(`developer-${role.split("/").at(-1)}`, role, [groups.developers]);
  return [ci, rights];
};
