// How is a cluster made at AWS that passes a review as it is? EKS, its network, nodes and rights from typed arguments.
import type { ClusterArgs as AwsClusterArgs } from "@pulumi/aws/eks/cluster.js";
import { Provider as AwsProvider } from "@pulumi/aws/provider.js";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cloud } from "../cloud.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { type Cluster, usualAudiences } from "./cluster.ts";
import { accessEntries } from "./eks-access.ts";
import { addOn, beforeNodes, besideNodes } from "./eks-add-ons.ts";
import type { EksClusterArgs } from "./eks-args.ts";
import { eksProblems } from "./eks-checks.ts";
import { eksCloud } from "./eks-cloud.ts";
import { controlPlane } from "./eks-control-plane.ts";
import { insideCluster, retainingClass } from "./eks-inside.ts";
import { clusterKey, controlPlaneLogs, flowLog } from "./eks-keys.ts";
import { clusterNetwork } from "./eks-network.ts";
import { type NodeTransform, nodeGroup, nodeRole } from "./eks-nodes.ts";
import { requireReachable } from "./reachable.ts";

/** What code may change about {@link EksCluster}. */
export interface EksClusterOptions extends pulumi.ComponentResourceOptions {
  transform?: NodeTransform & {
    /** Changes the control plane. */
    cluster?: (args: AwsClusterArgs) => AwsClusterArgs;
  };
}

/**
 * A cluster of Amazon EKS: a VPC over three zones, an endpoint that only the VPC reaches, Secrets encrypted with a key of its
 * own, all logs of the control plane, and rights for the named roles alone. Nodes come by Auto Mode, or as managed groups.
 *
 * @example
 * new EksCluster("prod", { region: "eu-central-1", account: "123456789012", version: "1.35", identities: { ci: "arn:aws:iam::123456789012:role/ci" } });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class EksCluster extends pulumi.ComponentResource implements Cluster {
  readonly provider: k8s.Provider;
  /** URL of the API server. */
  readonly endpoint: pulumi.Output<string>;
  /** A kubeconfig that asks `aws eks get-token` for who calls: nothing in it is secret. */
  readonly kubeconfig: pulumi.Output<string>;
  readonly audiences: string[];
  readonly retainingClass: string = retainingClass;

  constructor(name: string, args: EksClusterArgs, opts: EksClusterOptions = {}) {
    const { transform = {}, ...options } = opts;
    refuse(`EksCluster ${name}`, eksProblems(name, args));
    super("plumbline:index:EksCluster", name, { ...args }, options);
    const { region, account, version, name: cluster = name, network = {}, nodeGroups, logRetention = 365 } = args;
    const tags = { "plumbline.dev/cluster": cluster, ...args.tags };
    const aws = new AwsProvider(
      `${name}-aws`,
      { region, allowedAccountIds: [account], defaultTags: { tags } },
      { parent: this },
    );
    const placed = { parent: this, provider: aws };

    const key = clusterKey(`${name}-key`, { cluster, account, region }, placed);
    const net = clusterNetwork(name, { cluster, region, network }, placed);
    const { vpcId } = net;
    if (network.vpcId === undefined) flowLog(name, { cluster, account, vpcId, retention: logRetention, key }, placed);
    const logs = controlPlaneLogs(name, { cluster, retention: logRetention, key }, placed);
    const auto = nodeGroups === undefined;
    const node = nodeRole(name, { cluster, account, region, auto }, placed);
    const control = controlPlane(
      name,
      {
        args,
        cluster,
        keyArn: key.arn,
        nodeRoleArn: node.role.arn,
        subnetIds: net.privateSubnetIds,
        after: [logs, ...node.ready],
        transform: transform.cluster,
      },
      placed,
    );

    const within = { ...placed, dependsOn: control };
    const clusterName = control.name;
    const facts = { cluster, clusterName, account, region, version, versions: args.addOns ?? {} };
    const access = accessEntries(name, { clusterName, region, identities: args.identities }, placed);
    const ready = [...access, ...net.ready];
    if (nodeGroups) {
      const first = beforeNodes.map((which) => addOn(name, which, facts, within));
      const nodes = {
        cluster,
        clusterName,
        version,
        roleArn: node.role.arn,
        subnetIds: net.privateSubnetIds,
        tags,
        transform,
      };
      ready.push(
        ...nodeGroups.map((group) =>
          nodeGroup(name, group, nodes, { ...placed, dependsOn: [...first, ...node.ready, ...net.ready] }),
        ),
        ...besideNodes.map((which) => addOn(name, which, facts, { ...placed, dependsOn: first })),
      );
    }

    this.endpoint = control.endpoint;
    this.kubeconfig = pulumi
      .all([control.endpoint, control.certificateAuthority.data, control.name])
      .apply(([server, authority, called]) => kubeconfigOf(server, authority, called, region));
    this.provider = new k8s.Provider(
      `${name}-provider`,
      {
        // Through the check, so that the provider waits for it.
        kubeconfig: pulumi.all([this.kubeconfig, control.endpoint]).apply(async ([kubeconfig, server]) => {
          await requireReachable(server);
          return kubeconfig;
        }),
        clusterIdentifier: name,
        enableServerSideApply: true,
        // A change of these is an update; the default deletes them first, under the pods that read them.
        enableConfigMapMutable: true,
        enableSecretMutable: true,
      },
      // What is put into the cluster leaves it before the nodes do, on which its controllers tidy up.
      { parent: this, dependsOn: ready },
    );
    insideCluster(name, auto, { parent: this, provider: this.provider });
    clouds.set(
      this,
      eksCloud({
        component: name,
        cluster,
        account,
        region,
        clusterName,
        vpcId,
        subnetIds: net.privateSubnetIds,
        nodesGroupId: control.vpcConfig.clusterSecurityGroupId,
        retention: logRetention,
        deletionProtection: args.deletionProtection ?? true,
        opts: placed,
      }),
    );
    this.audiences = [...usualAudiences];
    this.registerOutputs({ endpoint: this.endpoint, kubeconfig: this.kubeconfig });
  }

  /** What layers have at AWS. */
  get cloud(): Cloud {
    const cloud = clouds.get(this);
    if (!cloud) throw new Error("EksCluster.cloud was asked of an object that is no EksCluster component");
    return cloud;
  }
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const clouds = new WeakMap<EksCluster, Cloud>();

const kubeconfigOf = (server: string, authority: string, cluster: string, region: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: cluster, cluster: { server, "certificate-authority-data": authority } }],
    contexts: [{ name: cluster, context: { cluster, user: "aws" } }],
    "current-context": cluster,
    users: [
      {
        name: "aws",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "aws",
            args: ["eks", "get-token", "--cluster-name", cluster, "--region", region],
            interactiveMode: "Never",
          },
        },
      },
    ],
  });

/** A cluster of Amazon EKS. @throws InvalidDeclaration that names every wrong field */
export const eks = (args: EksClusterArgs & Pick<EksClusterOptions, "transform">): Layer<"cluster"> => {
  const { transform, ...rest } = args;
  // The platform's own name for it is not known yet, and is the one at AWS only where none is given.
  refuse("eks", eksProblems(rest.name ?? "cluster", rest));
  return layer({
    slot: "cluster",
    implementation: "eks",
    version: args.version,
    gives: ["bucket", "database", "key", "repository"],
    roles: {
      region: args.region,
      ci: args.identities.ci,
      ...(args.identities.ciPreview && { ciPreview: args.identities.ciPreview }),
    },
    needs: [],
    build: (name, _, opts) => new EksCluster(name, rest, { ...opts, ...(transform && { transform }) }),
  });
};
