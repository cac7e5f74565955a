// What of the library needs the Pulumi provider of AWS? An entry of its own, so that nobody else installs or loads that.

export {
  AwsBootstrap,
  type AwsBootstrapArgs,
  type GithubArgs,
  type GitlabArgs,
} from "./bootstrap/bootstrap.ts";
export { EksCluster, type EksClusterOptions, eks } from "./cluster/eks.ts";
export type {
  EksClusterArgs,
  EksIdentitiesArgs,
  EksNetworkArgs,
  EksNodeGroupArgs,
  EksTaintArgs,
} from "./cluster/eks-args.ts";
export type { NodeTransform } from "./cluster/eks-nodes.ts";
export type { EksAddOnVersionsArgs } from "./cluster/eks-versions.ts";
