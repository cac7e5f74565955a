// Which declarations of an EKS cluster are right? Everything that can be known before AWS is asked.
import { z } from "zod";
import { problemsOf } from "../delivery/app.ts";
import type { Problem } from "../problems.ts";
import { type Block, formatBlock, overlap, parseBlock, within } from "./cidr.ts";
import type { EksClusterArgs, EksNodeGroupArgs } from "./eks-args.ts";
import { architectureOf, hasAccelerator } from "./eks-instance-types.ts";
import { regionNames, zonesOf } from "./eks-regions.ts";
import { addOnProblems, kubernetesVersions } from "./eks-versions.ts";

/** Where Services have their addresses when a stack doesn't say. */
export const usualServiceCidr = "172.20.0.0/16";
/** Addresses of a VPC when a stack doesn't say. */
export const usualCidr = "10.0.0.0/16";
/** Services that are reached within the VPC when a stack doesn't say. */
export const usualEndpoints = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "kms", "logs", "sts"];

// Roles are called `<cluster>-<what>`; this is the longest of the component's own.
const longestSuffix = "-ebs-csi-driver";
const longestRole = 64;

const privateBlocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].map(
  (text) => parseBlock(text) as Block,
);
const isPrivate = (block: Block): boolean => privateBlocks.some((outer) => within(block, outer));
const blockOf = (smallest: number, largest: number) => (text: string) => {
  const block = parseBlock(text);
  return block !== undefined && isPrivate(block) && block.prefix >= largest && block.prefix <= smallest;
};
const privateWanted = "of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10, beginning with its first address";

const roleArn = z
  .string()
  .regex(
    /^arn:aws(-cn|-us-gov)?:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    "ARN of an IAM role: arn:aws:iam::123456789012:role/ci",
  );
const flag = z.boolean("true or false").exactOptional();
const addOnVersion = z
  .string()
  .regex(/^v\d+\.\d+\.\d+-eksbuild\.\d+$/, 'a version such as "v1.20.4-eksbuild.2"')
  .exactOptional();
const subnetIds = z.array(z.string().regex(/^subnet-[0-9a-f]{8,17}$/, "identifier of a subnet"));
const retentions = [30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const labelKey = /^([a-z0-9.-]+\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

const network = z.strictObject({
  cidr: z
    .string()
    .refine(blockOf(22, 16), `a block of /16 to /22, ${privateWanted}: a smaller one has no room for pods`)
    .exactOptional(),
  zones: z
    .array(z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, 'a zone such as "eu-central-1a"'))
    .length(3, "three zones")
    .exactOptional(),
  connected: z
    .array(z.string().refine((text) => parseBlock(text) !== undefined, 'a block such as "10.1.0.0/16"'))
    .exactOptional(),
  natPerZone: flag,
  endpoints: z
    .array(z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'a service as AWS names its endpoints: "ecr.api"'))
    .exactOptional(),
  vpcId: z
    .string()
    .regex(/^vpc-[0-9a-f]{8,17}$/, "identifier of a VPC")
    .exactOptional(),
  privateSubnetIds: subnetIds.min(3, "a subnet in each of three zones").exactOptional(),
  publicSubnetIds: subnetIds.exactOptional(),
});

const nodeGroup = z.strictObject({
  name: z.string().regex(/^[a-z]([-a-z0-9]{0,35}[a-z0-9])?$/, "1 to 37 of a-z, 0-9 and -, starting with a letter"),
  instanceTypes: z
    .array(
      z
        .string()
        .regex(/^[a-z]+\d+[a-z0-9-]*\.[a-z0-9-]+$/, 'a type such as "m7i.large"')
        .refine((type) => !hasAccelerator(type), "a type without accelerators: their nodes need images of their own"),
    )
    .min(1, "one type or more"),
  architecture: z.enum(["amd64", "arm64"], '"amd64" or "arm64"').exactOptional(),
  min: z.int("whole nodes").min(0, "0 or more"),
  max: z.int("whole nodes").min(1, "1 or more"),
  spot: flag,
  os: z.enum(["bottlerocket", "al2023"], '"bottlerocket" or "al2023"').exactOptional(),
  disk: z
    .int("whole GiB")
    .min(20, "20 GiB or more: images are kept there")
    .max(16_384, "16384 GiB or less")
    .exactOptional(),
  labels: z
    .record(
      z.string().regex(labelKey, "a key of a label"),
      z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/, "a value of a label"),
    )
    .exactOptional(),
  taints: z
    .array(
      z.strictObject({
        key: z.string().regex(labelKey, "a key as of a label"),
        value: z.string().exactOptional(),
        effect: z
          .enum(
            ["NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"],
            '"NO_SCHEDULE", "PREFER_NO_SCHEDULE" or "NO_EXECUTE"',
          )
          .exactOptional(),
      }),
    )
    .exactOptional(),
});

const schema = z.strictObject({
  region: z.enum(regionNames as string[], `a region of AWS: ${regionNames.join(", ")}`),
  account: z.string().regex(/^\d{12}$/, "the 12 digits of an account"),
  version: z.enum(kubernetesVersions as string[], `one of ${kubernetesVersions.join(", ")}`),
  identities: z.strictObject({
    ci: roleArn,
    ciPreview: roleArn.exactOptional(),
    developers: z.array(roleArn).exactOptional(),
  }),
  name: z.string().exactOptional(),
  network: network.exactOptional(),
  serviceCidr: z
    .string()
    .refine(
      (text) => blockOf(24, 12)(text) && !text.startsWith("100."),
      "a block of /12 to /24, of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, beginning with its first address",
    )
    .exactOptional(),
  publicAccessCidrs: z
    .array(
      z.string().refine((text) => {
        const block = parseBlock(text);
        return block !== undefined && block.prefix >= 8 && !isPrivate(block);
      }, 'a public block of /8 or smaller, such as "198.51.100.7/32": everyone is not allowed'),
    )
    .min(1, "a block or more; leave it out for none")
    .exactOptional(),
  nodeGroups: z.array(nodeGroup).min(1, "a group or more; leave it out for Auto Mode").exactOptional(),
  addOns: z
    .strictObject({
      vpcCni: addOnVersion,
      kubeProxy: addOnVersion,
      coredns: addOnVersion,
      ebsCsiDriver: addOnVersion,
      podIdentityAgent: addOnVersion,
    })
    .exactOptional(),
  logRetention: z.literal(retentions, `one of ${retentions.join(", ")} days`).exactOptional(),
  deletionProtection: flag,
  extendedSupport: flag,
  tags: z
    .record(z.string().regex(/^(?!aws:).{1,128}$/, 'a key of up to 128 characters, not of "aws:"'), z.string().max(256))
    .exactOptional(),
});

/** Every problem of a cluster's arguments, fields and contradictions at once. */
export const eksProblems = (name: string, args: EksClusterArgs): Problem[] => {
  const checked = schema.safeParse(args);
  const problems = problemsOf(checked, args, "");
  // Where even the shape is wrong, there is nothing to compare.
  const shapeless = checked.error?.issues.some(({ code }) => code === "invalid_type");
  return [...problems, ...nameProblems(name, args), ...(shapeless ? [] : contradictions(args))];
};

const nameProblems = (component: string, { name }: EksClusterArgs): Problem[] => {
  const value = name ?? component;
  const field = "name";
  if (!/^[a-z][-a-z0-9]*$/.test(value)) return [{ field, value, allowed: "a-z, 0-9 and -, starting with a letter" }];
  const longest = longestRole - longestSuffix.length;
  return value.length > longest
    ? [
        {
          field,
          value,
          allowed: `at most ${longest} characters: IAM takes 64 for a role such as "${value}${longestSuffix}"`,
        },
      ]
    : [];
};

const contradictions = (args: EksClusterArgs): Problem[] => [
  ...networkProblems(args),
  ...blockProblems(args),
  ...identityProblems(args),
  ...groupProblems(args.nodeGroups ?? []),
  ...addOnProblems(args.version, args.addOns ?? {}),
  ...(args.addOns && !args.nodeGroups
    ? [{ field: "addOns", value: args.addOns, allowed: "only with nodeGroups: Auto Mode has them inside" }]
    : []),
];

const networkProblems = ({ region, network = {} }: EksClusterArgs): Problem[] => {
  const { vpcId, privateSubnetIds, publicSubnetIds, zones, ...own } = network;
  const problems: Problem[] = [];
  if (vpcId === undefined) {
    for (const [key, value] of Object.entries({ privateSubnetIds, publicSubnetIds }))
      if (value) problems.push({ field: `network.${key}`, value, allowed: "only with network.vpcId" });
  } else {
    if (!privateSubnetIds)
      problems.push({
        field: "network.privateSubnetIds",
        value: undefined,
        allowed: "a subnet in each of three zones",
      });
    for (const [key, value] of Object.entries({ zones, ...own }))
      if (value !== undefined && key !== "connected")
        problems.push({
          field: `network.${key}`,
          value,
          allowed: "only for a VPC of the cluster's own: leave out vpcId",
        });
  }
  if (!regionNames.includes(region) || vpcId !== undefined) return problems;
  const there = zonesOf(region);
  const wrong = [...new Set(zones ?? [])].length < (zones?.length ?? 0) || zones?.some((zone) => !there.includes(zone));
  if (wrong)
    problems.push({ field: "network.zones", value: zones, allowed: `three different ones of ${there.join(", ")}` });
  if (there.length < 3)
    problems.push({
      field: "region",
      value: region,
      allowed: `a region with three zones; this one has ${there.join(", ")}`,
    });
  return problems;
};

// Every pair of blocks that packets between them could not tell apart.
const blockProblems = ({ network = {}, serviceCidr = usualServiceCidr }: EksClusterArgs): Problem[] => {
  const named: (readonly [string, string])[] = [
    ...(network.vpcId === undefined ? [["network.cidr", network.cidr ?? usualCidr] as const] : []),
    ["serviceCidr", serviceCidr],
    ...(network.connected ?? []).map((text, index) => [`network.connected.${index}`, text] as const),
  ];
  const blocks = named.flatMap(([field, text]) => {
    const block = parseBlock(text);
    return block ? [{ field, block }] : [];
  });
  return blocks.flatMap(({ field, block }, index) =>
    blocks
      .slice(0, index)
      // Two connected networks are somebody else's matter.
      .filter((other) => !(field.includes("connected") && other.field.includes("connected")))
      .filter((other) => overlap(block, other.block))
      .map((other) => ({
        field,
        value: formatBlock(block),
        allowed: `a block that does not overlap ${formatBlock(other.block)} of ${other.field}`,
      })),
  );
};

const identityProblems = ({ identities }: EksClusterArgs): Problem[] => {
  const named = [
    ["identities.ci", identities.ci],
    ["identities.ciPreview", identities.ciPreview],
    ...(identities.developers ?? []).map((role, index) => [`identities.developers.${index}`, role]),
  ] as const;
  return named.flatMap(([field = "", value], index) => {
    const other = named.slice(0, index).find(([, earlier]) => earlier !== undefined && earlier === value);
    return other ? [{ field, value, allowed: `a role of its own: ${other[0]} has this one` }] : [];
  });
};

const groupProblems = (groups: readonly EksNodeGroupArgs[]): Problem[] => {
  const problems = groups.flatMap(({ name, instanceTypes, architecture = "amd64", min, max }, index): Problem[] => {
    const at = `nodeGroups.${index}`;
    const twice = groups.findIndex((other) => other.name === name);
    return [
      ...(twice < index
        ? [{ field: `${at}.name`, value: name, allowed: `a name of its own: nodeGroups.${twice} has it` }]
        : []),
      ...instanceTypes.flatMap((type, each) =>
        architectureOf(type) === architecture
          ? []
          : [
              {
                field: `${at}.instanceTypes.${each}`,
                value: type,
                allowed: `a type of architecture ${architecture}; this one is ${architectureOf(type)}`,
              },
            ],
      ),
      ...(min > max ? [{ field: `${at}.min`, value: min, allowed: `at most ${max}, which is max` }] : []),
    ];
  });
  const forAll = groups.filter(({ taints = [], min }) => taints.length === 0 && min > 0);
  return groups.length === 0 || forAll.length > 0
    ? problems
    : [
        ...problems,
        {
          field: "nodeGroups",
          value: groups.map(({ name }) => name),
          allowed: "one with a node at least and without taints: DNS runs there",
        },
      ];
};
