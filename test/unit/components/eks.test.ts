// What does an EKS cluster declare at AWS? Recorded under mocks: each test says so, since nothing of it runs here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EksCluster, type EksClusterArgs } from "../../../components/aws.ts";
import { refuseWrongUpgrade } from "../../../components/cluster/eks-control-plane.ts";
import { reference } from "./aws-outputs.ts";
import { type Declared, ofKind, record } from "./recorder.ts";

const role = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
const least: EksClusterArgs = {
  region: "eu-central-1",
  account: "123456789012",
  version: "1.35",
  identities: { ci: role("ci") },
};
const all: EksClusterArgs = {
  ...least,
  name: "live",
  region: "ap-northeast-1",
  version: "1.36",
  identities: { ci: role("ci"), ciPreview: role("ci-preview"), developers: [role("dev"), role("ops/on-call")] },
  network: {
    cidr: "10.64.0.0/20",
    connected: ["10.0.0.0/16"],
    natPerZone: false,
    endpoints: ["sts"],
  },
  serviceCidr: "192.168.0.0/20",
  publicAccessCidrs: ["198.51.100.7/32"],
  nodeGroups: [
    { name: "general", instanceTypes: ["m7i.large", "m7i-flex.large"], min: 2, max: 6 },
    {
      name: "arm",
      instanceTypes: ["im4gn.large"],
      architecture: "arm64",
      min: 0,
      max: 3,
      spot: true,
      os: "al2023",
      disk: 100,
      labels: { "example.com/for": "batch" },
      taints: [
        { key: "batch", value: "only" },
        { key: "soon", effect: "NO_EXECUTE" },
      ],
    },
  ],
  addOns: { vpcCni: "v1.23.1-eksbuild.1" },
  logRetention: 90,
  deletionProtection: false,
  extendedSupport: true,
  tags: { team: "platform" },
};
const auto = await record(() => new EksCluster("prod", least));
const groups = await record(() => new EksCluster("prod", all));

const one = (resources: readonly Declared[], kind: string, name: string): Declared => {
  const found = ofKind(resources, kind).filter((each) => each.name === name);
  assert.equal(found.length, 1, `${kind} ${name}: ${ofKind(resources, kind).map((each) => each.name)}`);
  return found[0] as Declared;
};
const cluster = (resources: readonly Declared[]) => one(resources, "Cluster", "prod-cluster");

test("mocked: the endpoint is private, Secrets are encrypted, every log is kept, and nobody is admin by making it", () => {
  const { inputs } = cluster(auto);
  assert.deepEqual(
    [inputs.vpcConfig.endpointPrivateAccess, inputs.vpcConfig.endpointPublicAccess, inputs.vpcConfig.publicAccessCidrs],
    [true, false, undefined],
  );
  assert.deepEqual(inputs.encryptionConfig, {
    provider: { keyArn: reference("aws_kms_key.prod-key.arn") },
    resources: ["secrets"],
  });
  assert.deepEqual(inputs.enabledClusterLogTypes, ["api", "audit", "authenticator", "controllerManager", "scheduler"]);
  assert.deepEqual(inputs.accessConfig, {
    authenticationMode: "API",
    bootstrapClusterCreatorAdminPermissions: false,
  });
  assert.deepEqual([inputs.deletionProtection, inputs.upgradePolicy.supportType], [true, "STANDARD"]);
  const logs = one(auto, "LogGroup", "prod-control-plane").inputs;
  assert.deepEqual([logs.name, logs.retentionInDays], ["/aws/eks/prod/cluster", 365]);
  assert.equal(one(auto, "Key", "prod-key").inputs.enableKeyRotation, true);
});

test("mocked: the control plane waits for its logs, the role's rights and the rights of nodes", () => {
  const { after } = cluster(auto);
  for (const first of ["prod-control-plane", "prod-cluster-AmazonEKSClusterPolicy", "prod-cluster", "prod-node"])
    assert.ok(after.includes(first), first);
});

test("mocked: without node groups, Auto Mode brings nodes, volumes and load balancers", () => {
  const { inputs } = cluster(auto);
  assert.deepEqual(inputs.computeConfig, {
    enabled: true,
    nodePools: ["general-purpose", "system"],
    nodeRoleArn: reference("aws_iam_role.prod-node.arn"),
  });
  assert.deepEqual(inputs.storageConfig, { blockStorage: { enabled: true } });
  assert.deepEqual(inputs.kubernetesNetworkConfig, {
    serviceIpv4Cidr: "172.20.0.0/16",
    elasticLoadBalancing: { enabled: true },
  });
  assert.equal(ofKind(auto, "Addon").length + ofKind(auto, "NodeGroup").length, 0);
  assert.equal(ofKind(auto, "StorageClass")[0]?.inputs.provisioner, "ebs.csi.eks.amazonaws.com");
  assert.equal(ofKind(auto, "ConfigMap")[0]?.inputs.data["enable-network-policy-controller"], "true");
  const policies = ofKind(auto, "RolePolicyAttachment").filter(({ name }) => name.startsWith("prod-cluster-"));
  assert.deepEqual(policies.map(({ name }) => name.replace("prod-cluster-AmazonEKS", "")).sort(), [
    "BlockStoragePolicy",
    "ClusterPolicy",
    "ComputePolicy",
    "LoadBalancingPolicy",
    "NetworkingPolicy",
  ]);
});

test("mocked: a VPC over three zones, each with a NAT and a route of its own, and tags for load balancers", () => {
  const subnets = ofKind(auto, "Subnet").map(({ name, inputs }) => [name, inputs.availabilityZone, inputs.cidrBlock]);
  assert.deepEqual(subnets.sort(), [
    ["prod-private-a", "eu-central-1a", "10.0.0.0/18"],
    ["prod-private-b", "eu-central-1b", "10.0.64.0/18"],
    ["prod-private-c", "eu-central-1c", "10.0.128.0/18"],
    ["prod-public-a", "eu-central-1a", "10.0.192.0/20"],
    ["prod-public-b", "eu-central-1b", "10.0.208.0/20"],
    ["prod-public-c", "eu-central-1c", "10.0.224.0/20"],
  ]);
  for (const { name, inputs } of ofKind(auto, "Subnet")) {
    assert.equal(inputs.mapPublicIpOnLaunch, false);
    assert.equal(inputs.tags[`kubernetes.io/role/${name.includes("public") ? "elb" : "internal-elb"}`], "1");
  }
  const out = ofKind(auto, "Route").filter(({ inputs }) => inputs.natGatewayId);
  assert.equal(new Set(out.map(({ inputs }) => inputs.natGatewayId)).size, 3);
  assert.deepEqual(cluster(auto).inputs.vpcConfig.subnetIds, [
    reference("aws_subnet.prod-private-a.id"),
    reference("aws_subnet.prod-private-b.id"),
    reference("aws_subnet.prod-private-c.id"),
  ]);
  assert.deepEqual(one(auto, "DefaultSecurityGroup", "prod-default").inputs.ingress, []);
  assert.equal(one(auto, "FlowLog", "prod-flow").inputs.trafficType, "ALL");
});

test("mocked: endpoints of AWS are in the VPC, and open to it alone", () => {
  const endpoints = ofKind(auto, "VpcEndpoint").map(({ inputs }) => inputs.serviceName.split(".").slice(3).join("."));
  assert.deepEqual(endpoints.sort(), ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "kms", "logs", "s3", "sts"]);
  assert.equal(one(auto, "VpcEndpoint", "prod-s3").inputs.vpcEndpointType, "Gateway");
  assert.equal(one(auto, "SecurityGroupIngressRule", "prod-endpoints").inputs.cidrIpv4, "10.0.0.0/16");
  assert.deepEqual(
    ofKind(groups, "VpcEndpoint")
      .map(({ name }) => name)
      .sort(),
    ["prod-s3", "prod-sts"],
  );
});

test("mocked: every argument of the network, of the control plane and of its keeping arrives", () => {
  const { inputs } = cluster(groups);
  assert.deepEqual(
    [inputs.name, inputs.version, inputs.deletionProtection, inputs.upgradePolicy.supportType],
    ["live", "1.36", false, "EXTENDED"],
  );
  assert.deepEqual(inputs.kubernetesNetworkConfig, { serviceIpv4Cidr: "192.168.0.0/20" });
  assert.deepEqual(
    [inputs.vpcConfig.endpointPublicAccess, inputs.vpcConfig.publicAccessCidrs],
    [true, ["198.51.100.7/32"]],
  );
  assert.equal(inputs.computeConfig, undefined);
  assert.equal(ofKind(groups, "NatGateway").length, 1);
  assert.deepEqual([...new Set(ofKind(groups, "Subnet").map((each) => each.inputs.availabilityZone))].sort(), [
    "ap-northeast-1a",
    "ap-northeast-1c",
    "ap-northeast-1d",
  ]);
  assert.ok(ofKind(groups, "LogGroup").every((each) => each.inputs.retentionInDays === 90));
  const provider = groups.find(({ type }) => type === "pulumi:providers:aws")?.inputs;
  assert.equal(provider.allowedAccountIds, '["123456789012"]');
  assert.equal(provider.defaultTags, '{"tags":{"plumbline.dev/cluster":"live","team":"platform"}}');
});

test("mocked: subnets that are there are taken, with the tags that load balancers need and nothing else", async () => {
  const privateSubnetIds = ["subnet-0aaaaaaaa", "subnet-0bbbbbbbb", "subnet-0cccccccc"];
  const network = { vpcId: "vpc-0123456789abcdef0", privateSubnetIds, publicSubnetIds: ["subnet-0dddddddd"] };
  const there = await record(() => new EksCluster("prod", { ...least, network }));
  assert.deepEqual(cluster(there).inputs.vpcConfig.subnetIds, privateSubnetIds);
  assert.deepEqual(
    ofKind(there, "Tag")
      .map(({ inputs }) => `${inputs.resourceId} ${inputs.key}`)
      .sort(),
    [
      "subnet-0aaaaaaaa kubernetes.io/role/internal-elb",
      "subnet-0bbbbbbbb kubernetes.io/role/internal-elb",
      "subnet-0cccccccc kubernetes.io/role/internal-elb",
      "subnet-0dddddddd kubernetes.io/role/elb",
    ],
  );
  for (const kind of ["Vpc", "Subnet", "NatGateway", "VpcEndpoint", "FlowLog"])
    assert.equal(ofKind(there, kind).length, 0, kind);
});

test("mocked: nodes have an encrypted disk, and no pod reaches their identity", () => {
  for (const name of ["prod-general", "prod-arm"]) {
    const { metadataOptions, blockDeviceMappings, tagSpecifications } = one(groups, "LaunchTemplate", name).inputs;
    assert.deepEqual(metadataOptions, { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 });
    for (const { ebs } of blockDeviceMappings) assert.deepEqual([ebs.encrypted, ebs.volumeType], ["true", "gp3"]);
    for (const { tags } of tagSpecifications) assert.equal(tags.team, "platform");
  }
  const sizes = (name: string) =>
    one(groups, "LaunchTemplate", name).inputs.blockDeviceMappings.map(
      ({ deviceName, ebs }: { deviceName: string; ebs: { volumeSize: number } }) => [deviceName, ebs.volumeSize],
    );
  assert.deepEqual(sizes("prod-general"), [
    ["/dev/xvda", 4],
    ["/dev/xvdb", 50],
  ]);
  assert.deepEqual(sizes("prod-arm"), [["/dev/xvda", 100]]);
});

test("mocked: every argument of a node group arrives", () => {
  const general = one(groups, "NodeGroup", "prod-general").inputs;
  const arm = one(groups, "NodeGroup", "prod-arm").inputs;
  assert.deepEqual(
    [general.amiType, general.capacityType, general.instanceTypes, general.scalingConfig, general.version],
    [
      "BOTTLEROCKET_x86_64",
      "ON_DEMAND",
      ["m7i.large", "m7i-flex.large"],
      { minSize: 2, maxSize: 6, desiredSize: 2 },
      "1.36",
    ],
  );
  assert.deepEqual(
    [arm.amiType, arm.capacityType, arm.scalingConfig, arm.labels],
    ["AL2023_ARM_64_STANDARD", "SPOT", { minSize: 0, maxSize: 3, desiredSize: 1 }, { "example.com/for": "batch" }],
  );
  assert.deepEqual(arm.taints, [
    { key: "batch", value: "only", effect: "NO_SCHEDULE" },
    { key: "soon", effect: "NO_EXECUTE" },
  ]);
});

test("mocked: add-ons fit the cluster, and are upgraded after the control plane and before the nodes", () => {
  const versions = ofKind(groups, "Addon").map(({ inputs }) => [inputs.addonName, inputs.addonVersion]);
  assert.deepEqual(Object.fromEntries(versions), {
    "vpc-cni": "v1.23.1-eksbuild.1",
    "kube-proxy": "v1.36.0-eksbuild.13",
    coredns: "v1.14.3-eksbuild.3",
    "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
  });
  for (const first of ["prod-vpc-cni", "prod-kube-proxy", "prod-eks-pod-identity-agent"]) {
    assert.ok(one(groups, "Addon", first).after.includes("prod-cluster"));
    assert.ok(one(groups, "NodeGroup", "prod-general").after.includes(first));
  }
  const cni = one(groups, "Addon", "prod-vpc-cni").inputs;
  assert.deepEqual(JSON.parse(cni.configurationValues), { enableNetworkPolicy: "true" });
  assert.deepEqual(cni.podIdentityAssociations, [
    { serviceAccount: "aws-node", roleArn: reference("aws_iam_role.prod-vpc-cni.arn") },
  ]);
  const ofNodes = ofKind(groups, "RolePolicyAttachment").filter(({ name }) => name.startsWith("prod-node-"));
  assert.ok(!ofNodes.some(({ inputs }) => inputs.policyArn.includes("CNI")));
});

test("mocked: each identity has its groups, and CI alone has rights of EKS", () => {
  const entries = ofKind(groups, "AccessEntry").map(({ inputs }) => [inputs.principalArn, inputs.kubernetesGroups]);
  assert.deepEqual(Object.fromEntries(entries), {
    [role("ci")]: ["plumbline:ci"],
    [role("ci-preview")]: ["plumbline:ci-preview", "plumbline:developers"],
    [role("dev")]: ["plumbline:developers"],
    [role("ops/on-call")]: ["plumbline:developers"],
  });
  const [rights, ...others] = ofKind(groups, "AccessPolicyAssociation");
  assert.deepEqual([rights?.inputs.principalArn, others.length], [role("ci"), 0]);
});

test("mocked: the provider knows the cluster by name, asks AWS who calls, and waits for rights and nodes", () => {
  const [provider] = ofKind(groups, "kubernetes");
  assert.equal(provider?.inputs.clusterIdentifier, "prod");
  const config = JSON.parse(provider?.inputs.kubeconfig);
  assert.deepEqual(config.users[0].user.exec.args.slice(0, 2), ["eks", "get-token"]);
  assert.deepEqual(Object.keys(config.users[0].user), ["exec"]);
  for (const first of ["prod-ci", "prod-general", "prod-coredns", "prod-private-a"])
    assert.ok(provider?.after.includes(first), first);
});

test("mocked: code may change control plane, launch templates and groups", async () => {
  const changed = await record(
    () =>
      new EksCluster("prod", all, {
        transform: {
          cluster: (args) => ({ ...args, zonalShiftConfig: { enabled: false } }),
          launchTemplate: (group, args) => ({ ...args, description: group }),
          nodeGroup: (group, args) => ({ ...args, labels: { group } }),
        },
      }),
  );
  assert.equal(cluster(changed).inputs.zonalShiftConfig.enabled, false);
  assert.equal(one(changed, "LaunchTemplate", "prod-arm").inputs.description, "arm");
  assert.deepEqual(one(changed, "NodeGroup", "prod-arm").inputs.labels, { group: "arm" });
});

test("a version that skips one or goes back is refused before a change, and one step is not", () => {
  const change = (from: string, to: string) => () =>
    refuseWrongUpgrade({
      name: "c",
      type: "",
      urn: "",
      id: "",
      oldInputs: { version: from },
      newInputs: { version: to },
    });
  assert.throws(change("1.33", "1.35"), /c: version: found "1\.35"; one minor version.*allowed: 1\.33 or 1\.34/);
  assert.throws(change("1.35", "1.34"), /takes no cluster back: it runs 1\.35; allowed: 1\.35 or 1\.36/);
  for (const to of ["1.34", "1.35"]) assert.doesNotThrow(change("1.34", to));
});
