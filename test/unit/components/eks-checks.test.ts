// Which declarations of an EKS cluster are refused, and with which words?
import assert from "node:assert/strict";
import { test } from "node:test";
import { EksCluster, type EksClusterArgs, eks } from "../../../components/aws.ts";
import { type Block, formatBlock, overlap, parseBlock, part, within } from "../../../components/cluster/cidr.ts";
import { architectureOf } from "../../../components/cluster/eks-instance-types.ts";
import { regionNames, zonesOf } from "../../../components/cluster/eks-regions.ts";
import { requireReachable } from "../../../components/cluster/reachable.ts";

const ci = "arn:aws:iam::123456789012:role/ci";
const least: EksClusterArgs = { region: "eu-central-1", account: "123456789012", version: "1.35", identities: { ci } };
const group = { name: "general", instanceTypes: ["m7i.large"], min: 1, max: 3 };
const refused = (args: object): string => {
  try {
    eks({ ...least, ...args });
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was refused";
};

test("the least arguments are enough", () => {
  assert.equal(eks(least).implementation, "eks");
  assert.equal(eks({ ...least, nodeGroups: [group] }).version, "1.35");
});

const wrong: readonly (readonly [string, object, RegExp])[] = [
  [
    "an unknown region",
    { region: "eu-central-9" },
    /region: found "eu-central-9"; allowed: a region of AWS: .*eu-north-1/,
  ],
  ["a region with two zones", { region: "us-west-1" }, /region: found "us-west-1"; allowed: a region with three zones/],
  ["a version that is not there", { version: "1.29" }, /version: found "1\.29"; allowed: one of 1\.33, /],
  ["an account of 11 digits", { account: "12345678901" }, /account: .*12 digits/],
  [
    "a session in the place of a role",
    { identities: { ci: "arn:aws:sts::123456789012:assumed-role/ci/x" } },
    /identities\.ci: .*ARN of an IAM role/,
  ],
  [
    "one role for two identities",
    { identities: { ci, developers: [ci] } },
    /identities\.developers\.0: .*identities\.ci has this one/,
  ],
  ["two zones", { network: { zones: ["eu-central-1a", "eu-central-1b"] } }, /network\.zones: .*three zones/],
  [
    "a zone twice",
    { network: { zones: ["eu-central-1a", "eu-central-1a", "eu-central-1b"] } },
    /network\.zones: .*three different ones of eu-central-1a, /,
  ],
  [
    "a zone of another region",
    { network: { zones: ["eu-west-1a", "eu-west-1b", "eu-west-1c"] } },
    /network\.zones: .*of eu-central-1a, eu-central-1b/,
  ],
  [
    "a VPC that is too small",
    { network: { cidr: "10.0.0.0/23" } },
    /network\.cidr: found "10\.0\.0\.0\/23"; allowed: a block of \/16 to \/22/,
  ],
  ["a VPC that is too large", { network: { cidr: "10.0.0.0/15" } }, /network\.cidr: .*\/16 to \/22/],
  ["a VPC of public addresses", { network: { cidr: "52.0.0.0/16" } }, /network\.cidr: .*of 10\.0\.0\.0\/8/],
  [
    "a block that does not begin where it says",
    { network: { cidr: "10.0.1.0/16" } },
    /network\.cidr: .*its first address/,
  ],
  [
    "a VPC over the Services",
    { network: { cidr: "172.20.0.0/18" } },
    /serviceCidr: found "172\.20\.0\.0\/16"; allowed: a block that does not overlap 172\.20\.0\.0\/18 of network\.cidr/,
  ],
  [
    "a connected network over the VPC",
    { network: { connected: ["10.0.128.0/20"] } },
    /network\.connected\.0: .*does not overlap 10\.0\.0\.0\/16 of network\.cidr/,
  ],
  [
    "subnets without their VPC",
    { network: { privateSubnetIds: ["subnet-00000000", "subnet-11111111", "subnet-22222222"] } },
    /network\.privateSubnetIds: .*only with network\.vpcId/,
  ],
  [
    "a VPC with two subnets",
    { network: { vpcId: "vpc-00000000", privateSubnetIds: ["subnet-00000000", "subnet-11111111"] } },
    /network\.privateSubnetIds: .*three zones/,
  ],
  [
    "a VPC that is there and a block",
    { network: { vpcId: "vpc-00000000", cidr: "10.0.0.0/16" } },
    /network\.cidr: .*leave out vpcId/,
  ],
  [
    "an API server for everyone",
    { publicAccessCidrs: ["0.0.0.0/0"] },
    /publicAccessCidrs\.0: .*everyone is not allowed/,
  ],
  [
    "Graviton among amd64",
    { nodeGroups: [{ ...group, instanceTypes: ["m7i.large", "m7g.large"] }] },
    /nodeGroups\.0\.instanceTypes\.1: found "m7g\.large"; allowed: a type of architecture amd64; this one is arm64/,
  ],
  [
    "Intel among arm64",
    { nodeGroups: [{ ...group, architecture: "arm64" }] },
    /nodeGroups\.0\.instanceTypes\.0: .*this one is amd64/,
  ],
  ["a type with GPUs", { nodeGroups: [{ ...group, instanceTypes: ["g5.xlarge"] }] }, /without accelerators/],
  [
    "fewer at most than at least",
    { nodeGroups: [{ ...group, min: 4 }] },
    /nodeGroups\.0\.min: found 4; allowed: at most 3/,
  ],
  ["a group twice", { nodeGroups: [group, group] }, /nodeGroups\.1\.name: .*nodeGroups\.0 has it/],
  [
    "no group for DNS",
    { nodeGroups: [{ ...group, taints: [{ key: "a" }] }] },
    /nodeGroups: found \["general"\]; allowed: .*DNS runs there/,
  ],
  ["add-ons with Auto Mode", { addOns: { coredns: "v1.13.2-eksbuild.1" } }, /addOns: .*only with nodeGroups/],
  [
    "kube-proxy of another minor version",
    { nodeGroups: [group], addOns: { kubeProxy: "v1.34.0-eksbuild.2" } },
    /addOns\.kubeProxy: .*v1\.35\.\*/,
  ],
  [
    "an add-on too old for the cluster",
    { nodeGroups: [group], addOns: { coredns: "v1.12.3-eksbuild.1" } },
    /addOns\.coredns: .*v1\.13\.2-eksbuild\.1 or later/,
  ],
  [
    "an add-on without a build",
    { nodeGroups: [group], addOns: { coredns: "1.14" } },
    /addOns\.coredns: .*a version such as/,
  ],
  ["days that CloudWatch does not keep", { logRetention: 100 }, /logRetention: found 100; allowed: one of 30, /],
  [
    "a name too long for IAM",
    { name: "a-cluster-whose-name-makes-the-name-of-a-role-too-long" },
    /name: .*at most 49 characters: IAM takes 64 for a role/,
  ],
  ["a name with capitals", { name: "Prod" }, /name: found "Prod"; allowed: a-z/],
  ["a field that is none", { versions: "1.35" }, /versions: .*no such field/],
];
for (const [what, args, message] of wrong) test(`refused: ${what}`, () => assert.match(refused(args), message));

test("everything that is wrong is named at once, fields and contradictions", () => {
  const args = {
    region: "mars-1",
    network: { cidr: "10.0.0.0/23", connected: ["172.20.1.0/24"] },
    nodeGroups: [{ ...group, instanceTypes: ["c7g.large"], min: 9 }],
    name: "UPPER",
  };
  for (const field of [
    "region",
    "network.cidr",
    "name",
    "network.connected.0",
    "nodeGroups.0.instanceTypes.0",
    "nodeGroups.0.min",
  ])
    assert.match(refused(args), new RegExp(`^ {2}${field.replaceAll(".", "\\.")}: found `, "m"));
});

test("the component refuses what the factory refuses", () => {
  assert.throws(
    () => new EksCluster("prod", { ...least, region: "mars-1" }),
    /EksCluster prod: 1 problem\n {2}region: /,
  );
});

test("a block is cut into parts that are disjoint and within it, whatever its size", () => {
  for (let prefix = 8; prefix <= 26; prefix += 1) {
    const whole = parseBlock(`10.0.0.0/${prefix}`);
    assert.ok(whole);
    for (let bits = 1; bits <= 2; bits += 1) {
      const parts: Block[] = [...Array(2 ** bits).keys()].map((index) => part(whole, bits, index));
      for (const [index, one] of parts.entries()) {
        assert.ok(within(one, whole));
        assert.deepEqual(parseBlock(formatBlock(one)), one);
        assert.ok(parts.every((other, at) => at === index || !overlap(one, other)));
      }
      assert.equal(parts.at(-1)?.prefix, prefix + bits);
    }
  }
  assert.equal(formatBlock(part(parseBlock("255.255.0.0/16") ?? { first: 0, prefix: 0 }, 8, 255)), "255.255.255.0/24");
});

test("what is no block is none", () => {
  for (const text of ["10.0.0.0", "10.0.0.0/33", "256.0.0.0/8", "10.0.0.1/24", "10.0.0/16", "::/0", " 10.0.0.0/8"])
    assert.equal(parseBlock(text), undefined, text);
});

test("architectures by the names of types", () => {
  for (const type of [
    "m7g.large",
    "c7gn.xlarge",
    "t4g.micro",
    "r8gd.metal-24xl",
    "im4gn.large",
    "is4gen.medium",
    "x2gd.large",
    "a1.large",
  ])
    assert.equal(architectureOf(type), "arm64", type);
  for (const type of [
    "m7i.large",
    "m7i-flex.large",
    "c7a.large",
    "t3.micro",
    "r7iz.large",
    "i4i.large",
    "d3en.xlarge",
    "z1d.large",
    "m5dn.large",
  ])
    assert.equal(architectureOf(type), "amd64", type);
});

test("each region has zones of its own name", () => {
  for (const region of regionNames)
    for (const zone of zonesOf(region)) assert.match(zone, new RegExp(`^${region}[a-f]$`));
});

test("an API server that nothing leads to is named, with the ways", async () => {
  await assert.rejects(
    requireReachable("https://127.0.0.1:1"),
    /127\.0\.0\.1:1 is not reached from here \(.*ECONNREFUSED.*publicAccessCidrs/s,
  );
});
