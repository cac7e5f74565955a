// Where do nodes and pods of an EKS cluster have their addresses? A VPC over three zones, or subnets that are there.

import { DefaultSecurityGroup } from "@pulumi/aws/ec2/defaultSecurityGroup.js";
import { Eip } from "@pulumi/aws/ec2/eip.js";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway.js";
import { NatGateway } from "@pulumi/aws/ec2/natGateway.js";
import { Route } from "@pulumi/aws/ec2/route.js";
import { RouteTable } from "@pulumi/aws/ec2/routeTable.js";
import { RouteTableAssociation } from "@pulumi/aws/ec2/routeTableAssociation.js";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Subnet } from "@pulumi/aws/ec2/subnet.js";
import { Tag } from "@pulumi/aws/ec2/tag.js";
import { Vpc } from "@pulumi/aws/ec2/vpc.js";
import { VpcEndpoint } from "@pulumi/aws/ec2/vpcEndpoint.js";
import { SecurityGroupIngressRule } from "@pulumi/aws/vpc/securityGroupIngressRule.js";
import type * as pulumi from "@pulumi/pulumi";
import { type Block, formatBlock, parseBlock, part } from "./cidr.ts";
import type { EksNetworkArgs } from "./eks-args.ts";
import { usualCidr, usualEndpoints } from "./eks-checks.ts";
import { zonesOf } from "./eks-regions.ts";

/** What the rest of a cluster sees of its network. */
export interface Network {
  readonly vpcId: pulumi.Input<string>;
  /** Subnets for nodes, pods and the control plane's own addresses. */
  readonly privateSubnetIds: pulumi.Input<string>[];
  /** What nodes need before they can join. */
  readonly ready: pulumi.Resource[];
}

// By these, controllers of load balancers find the subnets.
const internal = "kubernetes.io/role/internal-elb";
const external = "kubernetes.io/role/elb";

/** Subnets of a VPC that is there, with the tags that load balancers need. */
const existingNetwork = (
  name: string,
  { vpcId = "", privateSubnetIds = [], publicSubnetIds = [] }: EksNetworkArgs,
  opts: pulumi.ComponentResourceOptions,
): Network => {
  const tag = (key: string) => (subnet: string) =>
    new Tag(`${name}-${subnet}`, { resourceId: subnet, key, value: "1" }, opts);
  const ready = [...privateSubnetIds.map(tag(internal)), ...publicSubnetIds.map(tag(external))];
  return { vpcId, privateSubnetIds, ready };
};

/** Declares the network of a cluster. */
export const clusterNetwork = (
  name: string,
  { cluster, region, network }: { cluster: string; region: string; network: EksNetworkArgs },
  opts: pulumi.ComponentResourceOptions,
): Network => {
  if (network.vpcId !== undefined) return existingNetwork(name, network, opts);
  const { cidr = usualCidr, zones = zonesOf(region).slice(0, 3), natPerZone = true } = network;
  const whole = parseBlock(cidr) as Block;
  const tags = (what: string) => ({ Name: `${cluster}-${what}` });
  const vpc = new Vpc(
    `${name}-vpc`,
    { cidrBlock: cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: { Name: cluster } },
    opts,
  );
  const vpcId = vpc.id;
  // Taken over to be emptied: what is put into a VPC without a thought gets this group.
  new DefaultSecurityGroup(`${name}-default`, { vpcId, ingress: [], egress: [], tags: tags("unused") }, opts);
  const gateway = new InternetGateway(`${name}-internet`, { vpcId, tags: { Name: cluster } }, opts);
  const toInternet = new RouteTable(`${name}-public`, { vpcId, tags: tags("public") }, opts);
  const out = new Route(
    `${name}-public`,
    { routeTableId: toInternet.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
    opts,
  );
  // Three quarters are for nodes and pods; a quarter of the last one for the load balancers of each zone.
  const last = part(whole, 2, 3);
  const nats: NatGateway[] = [];
  const placed = zones.map((zone, index) => {
    const letter = zone.slice(-1);
    const subnet = (kind: string, block: Block, key: string) =>
      new Subnet(
        `${name}-${kind}-${letter}`,
        {
          vpcId,
          availabilityZone: zone,
          cidrBlock: formatBlock(block),
          mapPublicIpOnLaunch: false,
          tags: { ...tags(`${kind}-${letter}`), [key]: "1" },
        },
        opts,
      );
    const outside = subnet("public", part(last, 2, index), external);
    new RouteTableAssociation(`${name}-public-${letter}`, { subnetId: outside.id, routeTableId: toInternet.id }, opts);
    if (natPerZone || index === 0) {
      const address = new Eip(`${name}-nat-${letter}`, { domain: "vpc", tags: tags(`nat-${letter}`) }, opts);
      nats.push(
        new NatGateway(
          `${name}-nat-${letter}`,
          { subnetId: outside.id, allocationId: address.id, tags: tags(letter) },
          { ...opts, dependsOn: out },
        ),
      );
    }
    const inside = subnet("private", part(whole, 2, index), internal);
    const table = new RouteTable(`${name}-private-${letter}`, { vpcId, tags: tags(`private-${letter}`) }, opts);
    const route = new Route(
      `${name}-private-${letter}`,
      {
        routeTableId: table.id,
        destinationCidrBlock: "0.0.0.0/0",
        natGatewayId: (nats.at(-1) as NatGateway).id,
      },
      opts,
    );
    const joined = new RouteTableAssociation(
      `${name}-private-${letter}`,
      { subnetId: inside.id, routeTableId: table.id },
      opts,
    );
    return { inside, table, ready: [route, joined] };
  });
  const privateSubnetIds = placed.map(({ inside }) => inside.id);
  const endpoints = vpcEndpoints(
    name,
    {
      cluster,
      region,
      cidr,
      vpcId,
      subnetIds: privateSubnetIds,
      routeTableIds: placed.map(({ table }) => table.id),
      services: network.endpoints ?? usualEndpoints,
    },
    opts,
  );
  return { vpcId, privateSubnetIds, ready: [...placed.flatMap(({ ready }) => ready), ...endpoints] };
};

interface EndpointArgs {
  readonly cluster: string;
  readonly region: string;
  readonly cidr: string;
  readonly vpcId: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<string>[];
  readonly routeTableIds: pulumi.Input<string>[];
  readonly services: readonly string[];
}

const vpcEndpoints = (
  name: string,
  { cluster, region, cidr, vpcId, subnetIds, routeTableIds, services }: EndpointArgs,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const serviceName = (service: string) =>
    `${region.startsWith("cn-") && service !== "s3" ? "cn.com" : "com"}.amazonaws.${region}.${service}`;
  const endpoint = (service: string, how: Partial<ConstructorParameters<typeof VpcEndpoint>[1]>) =>
    new VpcEndpoint(
      `${name}-${service}`,
      { vpcId, serviceName: serviceName(service), tags: { Name: `${cluster}-${service}` }, ...how },
      opts,
    );
  const toS3 = endpoint("s3", { vpcEndpointType: "Gateway", routeTableIds });
  if (services.length === 0) return [toS3];
  const group = new SecurityGroup(
    `${name}-endpoints`,
    {
      name: `${cluster}-endpoints`,
      description: "Endpoints of AWS services, for nodes and pods",
      vpcId,
      tags: { Name: `${cluster}-endpoints` },
    },
    opts,
  );
  const opened = new SecurityGroupIngressRule(
    `${name}-endpoints`,
    {
      securityGroupId: group.id,
      description: "HTTPS from within the VPC",
      cidrIpv4: cidr,
      ipProtocol: "tcp",
      fromPort: 443,
      toPort: 443,
    },
    opts,
  );
  const each = services.map((service) =>
    endpoint(service, {
      vpcEndpointType: "Interface",
      subnetIds,
      securityGroupIds: [group.id],
      privateDnsEnabled: true,
    }),
  );
  return [toS3, opened, ...each];
};
