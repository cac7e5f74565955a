// What does AWS answer in a recording? References to the resource itself, as OpenTofu writes them: so a recording can be planned.
import { createServer } from "node:net";

// The component looks whether somebody listens at the endpoint of a cluster before it writes there.
const listener = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
await new Promise((resolve) => listener.once("listening", resolve));
listener.unref();
/** Endpoint of every recorded cluster. */
export const endpoint = `https://127.0.0.1:${(listener.address() as { port: number }).port}`;

// Modules of Pulumi whose resources have another prefix at Terraform, or none.
const prefixes: Readonly<Record<string, string>> = { ec2: "", rds: "db_" };

/** "securityGroupIds" → "security_group_ids". */
export const snakeCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** "aws:eks/nodeGroup:NodeGroup" → "aws_eks_node_group". */
export const terraformType = (type: string): string => {
  const [, module = "", resource = ""] = /^aws:(\w+)\/(\w+):/.exec(type) ?? [];
  const prefix = resource === "tag" ? "ec2_" : (prefixes[module] ?? `${module}_`);
  // Terraform takes OpenId for one word.
  return `aws_${prefix}${snakeCase(resource.replace("openId", "openid"))}`;
};

/** Name of a resource as Terraform takes it. */
export const terraformName = (name: string): string => name.replace(/[^\w-]/g, "-");

/** How OpenTofu writes what another resource answers: "aws_vpc.prod-vpc.id". */
export const reference = (path: string): string => `\${${path}}`;

/** Outputs that something reads; all others are what went in. */
const read = ["arn", "name", "bucket", "keyId", "latestVersion"];

/** What a resource answers with. */
export const outputsAtAws = (type: string, name: string, inputs: Record<string, unknown>) => {
  const own = (attribute: string) => reference(`${terraformType(type)}.${terraformName(name)}.${attribute}`);
  return {
    id: own("id"),
    state: {
      ...inputs,
      ...Object.fromEntries(read.map((output) => [output, own(snakeCase(output))])),
      ...(type === "aws:eks/cluster:Cluster" && {
        endpoint,
        vpcConfig: {
          ...(inputs.vpcConfig as object),
          clusterSecurityGroupId: own("vpc_config[0].cluster_security_group_id"),
        },
        certificateAuthority: { data: own("certificate_authority[0].data") },
      }),
      ...(type === "aws:rds/instance:Instance" && {
        address: own("address"),
        masterUserSecrets: [{ secretArn: own("master_user_secret[0].secret_arn") }],
      }),
    },
  };
};
