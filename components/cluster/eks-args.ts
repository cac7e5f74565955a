// What may a stack declare of an EKS cluster?
import type { EksAddOnVersionsArgs } from "./eks-versions.ts";

/** The network of a cluster: one of its own over three zones, or subnets that are there. */
export interface EksNetworkArgs {
  /** Addresses of a VPC of its own, /16 to /22: each zone gets a quarter for nodes and pods. Default: "10.0.0.0/16". */
  cidr?: string;
  /** Three zones. Default: the first three of the region. */
  zones?: string[];
  /** Networks that are reached from it by peering, transit or VPN: nothing of the cluster overlaps them. Default: none. */
  connected?: string[];
  /** Whether each zone has a NAT gateway; with one for all, its zone's failure cuts off the others. Default: true. */
  natPerZone?: boolean;
  /**
   * Services of AWS that are reached without leaving the VPC, each for a price an hour and zone. S3 always is, for nothing.
   * Default: what nodes need to join and to pull.
   */
  endpoints?: string[];
  /** Identifier of a VPC that exists; then the fields above don't count, and the two below name its subnets. */
  vpcId?: string;
  /** Subnets of that VPC for nodes and pods, in three zones: they lead to the internet by NAT, or to endpoints. */
  privateSubnetIds?: string[];
  /** Subnets of that VPC for load balancers that the internet reaches. Default: none, load balancers are internal. */
  publicSubnetIds?: string[];
}

/** Who may do what in a cluster, by roles of IAM. Nobody else may do anything, whoever made it. */
export interface EksIdentitiesArgs {
  /** ARN of the role with which CI applies the stack: it alone may write. */
  ci: string;
  /** ARN of the role with which CI previews pull requests: reads everything but Secrets. Default: nobody. */
  ciPreview?: string;
  /** ARNs of the roles of people: they read everything but Secrets. Default: nobody. */
  developers?: string[];
}

/** Marks a node, so that only pods which tolerate it come there. */
export interface EksTaintArgs {
  key: string;
  /** Default: none. */
  value?: string;
  /** "NO_SCHEDULE", "PREFER_NO_SCHEDULE" or "NO_EXECUTE". Default: "NO_SCHEDULE". */
  effect?: string;
}

/** Nodes of one kind. */
export interface EksNodeGroupArgs {
  /** Name within the cluster. */
  name: string;
  /** Types that will do, in the order of preference; of one architecture. */
  instanceTypes: string[];
  /** "amd64" or "arm64": what the images of the apps are built for. Default: "amd64". */
  architecture?: string;
  /** Fewest nodes, over all zones. */
  min: number;
  /** Most nodes. */
  max: number;
  /** Whether AWS may take nodes back with two minutes' notice, for a lower price. Default: false. */
  spot?: boolean;
  /** Operating system: "bottlerocket" or "al2023". Default: "bottlerocket". */
  os?: string;
  /** GiB of a node's disk, which is encrypted. Default: 50. */
  disk?: number;
  /** Labels of the nodes. Default: none beside those of AWS. */
  labels?: Record<string, string>;
  /** Default: none. */
  taints?: EksTaintArgs[];
}

/** Arguments of {@link EksCluster}. */
export interface EksClusterArgs {
  /** Region: "eu-central-1". */
  region: string;
  /** Account that it stands in, 12 digits: calls to another one are refused. */
  account: string;
  /** Minor version of Kubernetes: "1.35". One that is older or skips one is refused when the stack is previewed. */
  version: string;
  /** Who may do what. */
  identities: EksIdentitiesArgs;
  /** Name at AWS; it begins the names of roles. Default: the component's name. */
  name?: string;
  /** Default: a VPC of its own. */
  network?: EksNetworkArgs;
  /** Addresses of Services: nothing outside the cluster sees them. Default: "172.20.0.0/16". */
  serviceCidr?: string;
  /**
   * Addresses outside the VPC from which the API server is reached: those of CI. Default: none. It is reached from within the
   * VPC alone, and so CI runs there or in a connected network.
   */
  publicAccessCidrs?: string[];
  /** Managed node groups. Default: none, EKS Auto Mode brings nodes as pods need them. */
  nodeGroups?: EksNodeGroupArgs[];
  /** Versions of the add-ons, which only node groups need: Auto Mode has them inside. Default: what fits `version`. */
  addOns?: EksAddOnVersionsArgs;
  /** Days that the logs of the control plane and of the network are kept. Default: 365. */
  logRetention?: number;
  /** Whether AWS refuses to delete it. Default: true. */
  deletionProtection?: boolean;
  /** Whether a version may be kept beyond its standard support, for a price; else AWS upgrades it then. Default: false. */
  extendedSupport?: boolean;
  /** Tags of everything, beside `plumbline.dev/cluster`. Default: none. */
  tags?: Record<string, string>;
}
