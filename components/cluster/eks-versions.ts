// Which versions of Kubernetes does EKS run, which add-ons fit each, and which way may a cluster go from one to another?
import type { Problem } from "../problems.ts";

/** Versions of the add-ons that a cluster with node groups has, each one that fits the cluster's where nothing is said. */
export interface EksAddOnVersionsArgs {
  /** Network of pods, and the enforcement of NetworkPolicy. Default: one that fits. */
  vpcCni?: string;
  /** Services on each node; its minor version is that of the cluster. Default: one that fits. */
  kubeProxy?: string;
  /** DNS. Default: one that fits. */
  coredns?: string;
  /** Volumes. Default: one that fits. */
  ebsCsiDriver?: string;
  /** Identities of pods towards AWS. Default: one that fits. */
  podIdentityAgent?: string;
}

/** Word for an add-on. */
export type AddOn = keyof EksAddOnVersionsArgs;

/** What AWS calls the add-ons. */
export const addOnNames: Readonly<Record<AddOn, string>> = {
  vpcCni: "vpc-cni",
  kubeProxy: "kube-proxy",
  coredns: "coredns",
  ebsCsiDriver: "aws-ebs-csi-driver",
  podIdentityAgent: "eks-pod-identity-agent",
};

// Combinations that ran together; `aws eks describe-addon-versions --kubernetes-version 1.35` lists later ones.
const table: Readonly<Record<string, Readonly<Record<AddOn, string>>>> = {
  "1.33": {
    vpcCni: "v1.20.4-eksbuild.2",
    kubeProxy: "v1.33.0-eksbuild.2",
    coredns: "v1.12.1-eksbuild.2",
    ebsCsiDriver: "v1.48.0-eksbuild.2",
    podIdentityAgent: "v1.3.10-eksbuild.2",
  },
  "1.34": {
    vpcCni: "v1.20.4-eksbuild.2",
    kubeProxy: "v1.34.0-eksbuild.2",
    coredns: "v1.12.3-eksbuild.1",
    ebsCsiDriver: "v1.54.0-eksbuild.1",
    podIdentityAgent: "v1.3.10-eksbuild.2",
  },
  "1.35": {
    vpcCni: "v1.21.1-eksbuild.3",
    kubeProxy: "v1.35.0-eksbuild.2",
    coredns: "v1.13.2-eksbuild.1",
    ebsCsiDriver: "v1.57.1-eksbuild.1",
    podIdentityAgent: "v1.3.10-eksbuild.3",
  },
  "1.36": {
    vpcCni: "v1.22.3-eksbuild.1",
    kubeProxy: "v1.36.0-eksbuild.13",
    coredns: "v1.14.3-eksbuild.3",
    ebsCsiDriver: "v1.63.1-eksbuild.1",
    podIdentityAgent: "v1.3.10-eksbuild.3",
  },
};

/** Versions of Kubernetes that a cluster may have, the oldest first. */
export const kubernetesVersions: readonly string[] = Object.keys(table);

/** Versions of a cluster's add-ons: those that were named, and those that fit for the rest. */
export const addOnVersions = (kubernetes: string, named: EksAddOnVersionsArgs = {}): Record<AddOn, string> => {
  const fit = table[kubernetes];
  if (!fit) throw new Error(`there are no add-ons for Kubernetes ${kubernetes}`);
  return { ...fit, ...named };
};

const numbers = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);

/** Below zero where `one` is the older of two versions of the same form. */
const compare = (one: string, other: string): number => {
  const [left, right] = [numbers(one), numbers(other)];
  const index = left.findIndex((number, at) => number !== right[at]);
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
};

/** What is wrong with versions of add-ons that a stack names. */
export const addOnProblems = (kubernetes: string, named: EksAddOnVersionsArgs): Problem[] => {
  const [oldest] = kubernetesVersions;
  const fit = table[kubernetes];
  if (!fit || !oldest) return [];
  return Object.entries(named).flatMap(([word, version]): Problem[] => {
    const field = `addOns.${word}`;
    const addOn = word as AddOn;
    if (addOn === "kubeProxy") {
      const minor = version.split(".").slice(0, 2).join(".");
      return minor === `v${kubernetes}`
        ? []
        : [{ field, value: version, allowed: `v${kubernetes}.*: the minor version of the cluster` }];
    }
    return compare(version, fit[addOn]) < 0
      ? [{ field, value: version, allowed: `${fit[addOn]} or later, for Kubernetes ${kubernetes}` }]
      : [];
  });
};

/** Why a cluster cannot go from one version to another; undefined where it can. */
export const upgradeProblem = (from: string, to: string): string | undefined => {
  const [before = 0, after = 0] = [from, to].map((version) => numbers(version)[1]);
  if (after < before) return `EKS takes no cluster back: it runs ${from}; allowed: ${from} or 1.${before + 1}`;
  if (after > before + 1)
    return `one minor version after the other: it runs ${from}; allowed: ${from} or 1.${before + 1}`;
  return undefined;
};
