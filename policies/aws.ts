// What may a stack not declare at AWS? What a review of an EKS cluster looks for first, field by field, before anything is made.

/** A rule about one type of resource. */
export interface AwsRule {
  /** Short and stable: refusals use it. */
  readonly id: string;
  /** Type token of Pulumi. */
  readonly type: string;
  /** What holds where the rule holds, in one line. */
  readonly title: string;
  /** What to do about a violation, as an imperative sentence without its full stop. */
  readonly wayOut: string;
  /** Where the rule comes from. */
  readonly source: string;
  /** The fields that break the rule, as paths; empty where it holds. */
  readonly broken: (props: Props) => readonly string[];
}

/** Inputs of a resource, as Pulumi names them. */
export type Props = Readonly<Record<string, unknown>>;

const cis = "CIS Amazon EKS Benchmark 1.7.0";
const securityHub = "AWS Foundational Security Best Practices";

const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((from, key) => (from as Record<string | number, unknown> | undefined)?.[key], value);

const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

const everywhere = ["0.0.0.0/0", "::/0"];
const logs = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

interface Statement {
  readonly Effect?: string;
  readonly Action?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: object;
}

/** What a document of a policy allows. */
const statementsOf = (policy: unknown): readonly Statement[] => {
  // A preview may not know the text yet; the update asks again.
  if (typeof policy !== "string" || !policy.startsWith("{")) return [];
  const found = (JSON.parse(policy) as { Statement?: Statement | Statement[] }).Statement ?? [];
  return (Array.isArray(found) ? found : [found]).filter(({ Effect }) => Effect === "Allow");
};

const words = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? []);

/** Actions that change something and are not named one by one. "s3:Get*" reads. */
const isWide = (action: string): boolean =>
  action.includes("*") && !/^[a-z0-9-]+:(Get|List|Describe|BatchGet)[A-Za-z]*\*$/.test(action);

const wideActions: AwsRule["broken"] = ({ policy }) =>
  statementsOf(policy).flatMap(({ Action }, index) =>
    words(Action)
      .filter(isWide)
      .map((action) => `policy.Statement[${index}].Action ${action}`),
  );

const anybody = (principal: unknown): boolean =>
  principal === "*" ||
  Object.values(typeof principal === "object" ? (principal ?? {}) : {})
    .flat()
    .includes("*");

const openToAnybody =
  (field: string): AwsRule["broken"] =>
  (props) =>
    statementsOf(props[field]).flatMap(({ Principal, Condition }, index) =>
      anybody(Principal) && !Condition ? [`${field}.Statement[${index}].Principal`] : [],
    );

const openPort = {
  id: "aws-open-port",
  title: "No security group takes requests from everywhere",
  wayOut: "Name the addresses, or the security group, that requests come from",
  source: `${securityHub} EC2.18`,
};

const iam = {
  id: "aws-iam-actions",
  title: "What is allowed to change something is named action by action",
  wayOut: "Name the actions",
  source: `${securityHub} IAM.21`,
  broken: wideActions,
};

const database = "aws:rds/instance:Instance";

/** What makes an engine refuse connections without TLS, by the beginning of the name of its family. */
const tlsOnly: readonly (readonly [family: string, parameter: string, on: readonly string[]])[] = [
  ["postgres", "rds.force_ssl", ["1"]],
  ["sqlserver", "rds.force_ssl", ["1"]],
  ["mysql", "require_secure_transport", ["1", "ON"]],
  ["mariadb", "require_secure_transport", ["1", "ON"]],
];

const secretsEncrypted: AwsRule["broken"] = ({ encryptionConfig }) =>
  listAt(encryptionConfig, "resources").includes("secrets") ? [] : ["encryptionConfig.resources"];

/** One row a rule; the order is that of the messages. */
export const awsRules: readonly AwsRule[] = [
  {
    id: "aws-eks-endpoint",
    type: "aws:eks/cluster:Cluster",
    title: "The API server is reached from the VPC, and from outside of it by known addresses alone",
    wayOut: "Leave publicAccessCidrs out, or name the addresses of those who come from outside",
    source: `${cis}, 5.4.1 and 5.4.2`,
    broken: ({ vpcConfig }) => {
      const isPublic = at(vpcConfig, "endpointPublicAccess") !== false;
      const from = listAt(vpcConfig, "publicAccessCidrs");
      return [
        ...(at(vpcConfig, "endpointPrivateAccess") === true ? [] : ["vpcConfig.endpointPrivateAccess"]),
        ...(isPublic && (from.length === 0 || from.some((each) => everywhere.includes(String(each))))
          ? ["vpcConfig.publicAccessCidrs"]
          : []),
      ];
    },
  },
  {
    id: "aws-eks-secrets",
    type: "aws:eks/cluster:Cluster",
    title: "Secrets are encrypted with a key of one's own",
    wayOut: 'Set encryptionConfig with resources: ["secrets"]',
    source: `${cis}, 5.3.1`,
    broken: secretsEncrypted,
  },
  {
    id: "aws-eks-logs",
    type: "aws:eks/cluster:Cluster",
    title: "The control plane keeps every kind of its logs",
    wayOut: `Enable ${logs.join(", ")}`,
    source: `${cis}, 2.1.1`,
    broken: ({ enabledClusterLogTypes }) =>
      logs.every((each) => listAt(enabledClusterLogTypes).includes(each)) ? [] : ["enabledClusterLogTypes"],
  },
  {
    id: "aws-eks-access",
    type: "aws:eks/cluster:Cluster",
    title: "Who may do what stands in access entries, and whoever makes the cluster gets nothing by it",
    wayOut: 'Set accessConfig to { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: false }',
    source: `${cis}, 5.5.1`,
    broken: ({ accessConfig }) => [
      ...(at(accessConfig, "authenticationMode") === "API" ? [] : ["accessConfig.authenticationMode"]),
      ...(at(accessConfig, "bootstrapClusterCreatorAdminPermissions") === false
        ? []
        : ["accessConfig.bootstrapClusterCreatorAdminPermissions"]),
    ],
  },
  {
    id: "aws-instance-metadata",
    type: "aws:ec2/launchTemplate:LaunchTemplate",
    title: "No pod reaches the identity of its node",
    wayOut: 'Set metadataOptions to { httpTokens: "required", httpPutResponseHopLimit: 1 }',
    source: `${securityHub} EC2.170`,
    broken: ({ metadataOptions }) => [
      ...(at(metadataOptions, "httpTokens") === "required" ? [] : ["metadataOptions.httpTokens"]),
      ...(at(metadataOptions, "httpPutResponseHopLimit") === 1 ? [] : ["metadataOptions.httpPutResponseHopLimit"]),
    ],
  },
  {
    id: "aws-disks",
    type: "aws:ec2/launchTemplate:LaunchTemplate",
    title: "Disks of nodes are encrypted",
    wayOut: 'Set ebs.encrypted to "true"',
    source: `${securityHub} EC2.3`,
    broken: ({ blockDeviceMappings }) =>
      listAt(blockDeviceMappings).flatMap((each, index) =>
        String(at(each, "ebs", "encrypted")) === "true" ? [] : [`blockDeviceMappings[${index}].ebs.encrypted`],
      ),
  },
  {
    id: "aws-bucket-access",
    type: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    title: "Buckets are private, whatever their policies and access lists say",
    wayOut: "Set all four to true",
    source: `${securityHub} S3.8`,
    broken: (props) =>
      ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].filter(
        (field) => props[field] !== true,
      ),
  },
  {
    id: "aws-bucket-policy",
    type: "aws:s3/bucketPolicy:BucketPolicy",
    title: "No policy of a bucket lets anybody in",
    wayOut: "Name the principals, or add a condition",
    source: `${securityHub} S3.6`,
    broken: openToAnybody("policy"),
  },
  {
    id: "aws-trust",
    type: "aws:iam/role:Role",
    title: "Not anybody may take a role",
    wayOut: "Name the principals, or add a condition",
    source: "AWS IAM Access Analyzer, external access",
    broken: openToAnybody("assumeRolePolicy"),
  },
  { type: "aws:iam/rolePolicy:RolePolicy", ...iam },
  { type: "aws:iam/policy:Policy", ...iam },
  {
    id: "aws-key-rotation",
    type: "aws:kms/key:Key",
    title: "Keys are renewed once a year",
    wayOut: "Set enableKeyRotation to true",
    source: `${securityHub} KMS.4`,
    broken: ({ enableKeyRotation, customerMasterKeySpec = "SYMMETRIC_DEFAULT" }) =>
      enableKeyRotation === true || customerMasterKeySpec !== "SYMMETRIC_DEFAULT" ? [] : ["enableKeyRotation"],
  },
  {
    id: "aws-database-encrypted",
    type: database,
    title: "Databases, their logs and their snapshots are encrypted",
    wayOut: "Set storageEncrypted to true",
    source: `${securityHub} RDS.3`,
    broken: ({ storageEncrypted }) => (storageEncrypted === true ? [] : ["storageEncrypted"]),
  },
  {
    id: "aws-database-private",
    type: database,
    title: "Databases have no address that the internet reaches",
    wayOut: "Set publiclyAccessible to false",
    source: `${securityHub} RDS.2`,
    broken: ({ publiclyAccessible }) => (publiclyAccessible === false ? [] : ["publiclyAccessible"]),
  },
  {
    id: "aws-database-backups",
    type: database,
    title: "Databases can be taken back to each moment of the last week, and leave a snapshot when they go",
    wayOut: "Set backupRetentionPeriod to 7 or more, and skipFinalSnapshot to false",
    source: `${securityHub} RDS.11`,
    broken: ({ backupRetentionPeriod, skipFinalSnapshot }) => [
      ...(Number(backupRetentionPeriod ?? 0) >= 7 ? [] : ["backupRetentionPeriod"]),
      ...(skipFinalSnapshot === true ? ["skipFinalSnapshot"] : []),
    ],
  },
  {
    id: "aws-database-protected",
    type: database,
    title: "No database is deleted by mistake",
    wayOut:
      "Set deletionProtection to true; to delete one, set it to false in a commit of its own, with --policy-pack-config for that run",
    source: `${securityHub} RDS.8`,
    broken: ({ deletionProtection }) => (deletionProtection === true ? [] : ["deletionProtection"]),
  },
  {
    id: "aws-database-password",
    type: database,
    title: "Passwords of databases are made and kept by RDS: none is in a state",
    wayOut: "Set manageMasterUserPassword to true, and leave password out",
    source: "AWS Prescriptive Guidance, RDS integration with Secrets Manager",
    broken: ({ manageMasterUserPassword, password }) => [
      ...(manageMasterUserPassword === true ? [] : ["manageMasterUserPassword"]),
      ...(password === undefined ? [] : ["password"]),
    ],
  },
  {
    id: "aws-database-tls",
    type: "aws:rds/parameterGroup:ParameterGroup",
    title: "Databases take no connection without TLS",
    wayOut: "Set rds.force_ssl to 1 (MySQL and MariaDB: require_secure_transport)",
    source: "AWS Config rds-postgres-instance-encrypted-in-transit",
    broken: ({ family, parameters }) => {
      const [, name, on] = tlsOnly.find(([start]) => String(family).startsWith(start)) ?? [];
      const set = listAt(parameters).find((each) => at(each, "name") === name);
      return !name || on?.includes(String(at(set, "value"))) ? [] : [`parameters ${name}`];
    },
  },
  {
    id: "aws-database-tls",
    type: database,
    title: "Databases have parameters of their own, which say that TLS is needed",
    wayOut: "Set parameterGroupName to a group that this stack declares",
    source: "AWS Config rds-postgres-instance-encrypted-in-transit",
    broken: ({ parameterGroupName }) =>
      parameterGroupName === undefined || String(parameterGroupName).startsWith("default.")
        ? ["parameterGroupName"]
        : [],
  },
  {
    type: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    ...openPort,
    broken: (props) => ["cidrIpv4", "cidrIpv6"].filter((field) => everywhere.includes(String(props[field]))),
  },
  {
    type: "aws:ec2/securityGroup:SecurityGroup",
    ...openPort,
    broken: ({ ingress }) =>
      listAt(ingress).flatMap((rule, index) =>
        ["cidrBlocks", "ipv6CidrBlocks"]
          .filter((field) => listAt(rule, field).some((each) => everywhere.includes(String(each))))
          .map((field) => `ingress[${index}].${field}`),
      ),
  },
];

/** What breaks a rule, as one message a resource; nothing where it holds. */
export const awsProblem = ({ id, title, wayOut, source, broken }: AwsRule, props: Props): string | undefined => {
  const fields = broken(props);
  return fields.length > 0 ? `${id}: ${fields.join(", ")}: ${title}. ${wayOut} (${source})` : undefined;
};
