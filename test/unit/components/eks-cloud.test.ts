// What do layers on an EKS cluster have at AWS, and what may their pods do there? Recorded under mocks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EksCluster, type EksClusterArgs, eks } from "../../../components/aws.ts";
import {
  certManager,
  definePlatform,
  distribution,
  ecr,
  embedded,
  externalSecrets,
  harbor,
  loki,
  ofCluster,
  Platform,
  vault,
} from "../../../components/index.ts";
import { reference } from "./aws-outputs.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const least: EksClusterArgs = {
  region: "eu-central-1",
  account: "123456789012",
  version: "1.35",
  identities: { ci: "arn:aws:iam::123456789012:role/ci" },
};
const settings = { name: "p", git: { url: "https://git.example.com/p.git", branch: "main" }, apps: [] };
const layers = {
  certificates: certManager({
    acme: { email: "ops@example.com", route53: { region: "eu-central-1", hostedZone: "Z0123456789ABC" } },
  }),
  secrets: vault({ seal: ofCluster, size: "ha" }),
  logs: loki({ size: "ha", bucket: ofCluster }),
  registry: distribution({ host: "registry.example.com", size: "ha", storage: ofCluster }),
};
const declared = await record(
  () => new Platform(definePlatform({ ...settings, cluster: eks({ ...least, name: "prod" }) }, layers)),
);
const one = (kind: string, name: string, resources = declared): Declared["inputs"] => {
  const found = ofKind(resources, kind).filter((each) => each.name === name);
  assert.equal(found.length, 1, `${kind} ${name}: ${ofKind(resources, kind).map((each) => each.name)}`);
  return found[0]?.inputs;
};
interface Written {
  Sid?: string;
  Effect: string;
  Action: string[];
  Resource?: string[];
  Principal?: Record<string, string>;
  Condition?: object;
}
const statements = (policy: string): Written[] => JSON.parse(policy).Statement;
const granted = (who: string) =>
  statements(one("RolePolicy", `p-cluster-pod-${who}`).policy).map(({ Action, Resource }) => [Action, Resource]);

test("mocked: pods of each layer have an identity of their own, by their ServiceAccount", () => {
  const found = ofKind(declared, "PodIdentityAssociation").map(({ inputs }) => [
    inputs.namespace,
    inputs.serviceAccount,
    inputs.roleArn,
  ]);
  assert.deepEqual(found.sort(), [
    ["cert-manager", "cert-manager", reference("aws_iam_role.p-cluster-pod-cert-manager.arn")],
    ["distribution", "registry", reference("aws_iam_role.p-cluster-pod-distribution-registry.arn")],
    ["logs", "loki", reference("aws_iam_role.p-cluster-pod-logs-loki.arn")],
    ["vault", "vault", reference("aws_iam_role.p-cluster-pod-vault.arn")],
  ]);
  const { name, assumeRolePolicy } = one("Role", "p-cluster-pod-logs-loki");
  assert.equal(name, "prod-pod-logs-loki");
  assert.deepEqual(statements(assumeRolePolicy)[0]?.Condition, {
    StringEquals: {
      "aws:SourceAccount": "123456789012",
      "aws:SourceArn": "arn:aws:eks:eu-central-1:123456789012:cluster/prod",
    },
  });
});

test("mocked: Vault is opened by a key of the cluster, and its pods may do that and nothing else", () => {
  assert.equal(one("Alias", "p-cluster-vault").name, "alias/prod-vault");
  const config = named(declared, "ConfigMap", "vault").data["server.json"];
  assert.match(config, /"kms_key_id": ?"alias\/prod-vault"/);
  assert.match(config, /"region": ?"eu-central-1"/);
  assert.deepEqual(granted("vault"), [
    [["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], [reference("aws_kms_key.p-cluster-vault.arn")]],
  ]);
});

test("mocked: lines and images are kept in buckets that only their own pods use", () => {
  const name = "prod-loki-123456789012-eu-central-1";
  assert.equal(one("Bucket", "p-cluster-loki").bucket, name);
  assert.ok(named(declared, "ConfigMap", "loki").data["loki.yaml"].includes(name));
  const bucket = reference("aws_s3_bucket.p-cluster-registry.arn");
  assert.deepEqual(granted("distribution-registry"), [
    [["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [bucket]],
    [
      ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      [`${bucket}/*`],
    ],
    [["kms:Decrypt", "kms:GenerateDataKey"], [reference("aws_kms_key.p-cluster-registry.arn")]],
  ]);
});

test("mocked: a bucket is private, encrypted, versioned and tidied, and takes no request without TLS", () => {
  const at = "p-cluster-loki";
  const { bucket: _, ...shut } = one("BucketPublicAccessBlock", at);
  assert.deepEqual(Object.values(shut), [true, true, true, true]);
  const [rule] = one("BucketServerSideEncryptionConfiguration", at).rules;
  assert.deepEqual(rule.applyServerSideEncryptionByDefault, {
    sseAlgorithm: "aws:kms",
    kmsMasterKeyId: reference("aws_kms_key.p-cluster-loki.arn"),
  });
  assert.equal(one("BucketVersioning", at).versioningConfiguration.status, "Enabled");
  assert.equal(one("BucketOwnershipControls", at).rule.objectOwnership, "BucketOwnerEnforced");
  assert.equal(one("BucketLifecycleConfiguration", at).rules[0].noncurrentVersionExpiration.noncurrentDays, 7);
  const [only] = statements(one("BucketPolicy", at).policy);
  assert.deepEqual([only?.Effect, only?.Condition], ["Deny", { Bool: { "aws:SecureTransport": "false" } }]);
});

test("mocked: cert-manager writes proofs into the one zone, and no other record", () => {
  const all = statements(one("RolePolicy", "p-cluster-pod-cert-manager").policy);
  const change = all.find(({ Action }) => Action.includes("route53:ChangeResourceRecordSets"));
  assert.deepEqual(change?.Resource, ["arn:aws:route53:::hostedzone/Z0123456789ABC"]);
  assert.deepEqual(change?.Condition, {
    "ForAllValues:StringEquals": { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"] },
  });
});

test("mocked: External Secrets reads what has the name of the cluster before it, unless somebody says as whom", async () => {
  const store = { aws: { region: "eu-central-1" } };
  const role = "arn:aws:iam::123456789012:role/{app}";
  const found = await record(() => {
    const cluster = new EksCluster("c", least);
    externalSecrets({ store }).build("s", { cluster }, {});
    externalSecrets({ store: { aws: { ...store.aws, role } }, namespace: "other" }).build("o", { cluster }, {});
  });
  const associated = ofKind(found, "PodIdentityAssociation").map(({ inputs }) => [
    inputs.namespace,
    inputs.serviceAccount,
  ]);
  assert.deepEqual(associated, [["external-secrets", "external-secrets"]]);
  assert.deepEqual(
    statements(one("RolePolicy", "c-pod-external-secrets", found).policy).flatMap(({ Resource }) => Resource),
    [
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:c/*",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-*",
    ],
  );
});

test("mocked: pods start when their identity is there, and reach who tells it to them", () => {
  const workload = (kind: string, name: string) =>
    ofKind(declared, kind).find(({ inputs }) => inputs.metadata.name === name)?.after ?? [];
  assert.ok(workload("StatefulSet", "vault").includes("p-cluster-pod-vault"));
  assert.ok(workload("StatefulSet", "loki-write").includes("p-cluster-pod-logs-loki"));
  assert.ok(workload("Deployment", "registry").includes("p-cluster-pod-distribution-registry"));
  assert.ok(workload("Deployment", "cert-manager").includes("p-cluster-pod-cert-manager"));
  assert.ok(!workload("Deployment", "cert-manager-webhook").includes("p-cluster-pod-vault"));
  for (const { inputs } of ofKind(declared, "NetworkPolicy").filter(
    ({ inputs: { metadata } }) => metadata.name === "to-api-server",
  ))
    assert.ok(JSON.stringify(inputs.spec.egress).includes("169.254.170.23/32"), inputs.metadata.namespace);
});

test("mocked: repositories are scanned, encrypted, and keep what a tag was pushed as; nodes pull without a Secret", async () => {
  let host: unknown;
  const found = await record(() => {
    const cluster = new EksCluster("c", least);
    const { host: at, pullSecret } = ecr({ repositories: ["shop", "team/web"] }).build("r", { cluster }, {});
    assert.equal(pullSecret, undefined);
    at.apply((each) => {
      host = each;
    });
  });
  assert.equal(host, "123456789012.dkr.ecr.eu-central-1.amazonaws.com");
  assert.deepEqual(
    ofKind(found, "Repository")
      .map(({ inputs }) => inputs.name)
      .sort(),
    ["shop", "team/web"],
  );
  const { imageTagMutability, imageScanningConfiguration, encryptionConfigurations } = one(
    "Repository",
    "c-shop",
    found,
  );
  assert.deepEqual(
    [imageTagMutability, imageScanningConfiguration.scanOnPush, encryptionConfigurations[0].encryptionType],
    ["IMMUTABLE", true, "KMS"],
  );
  assert.throws(
    () => ecr({ repositories: ["Shop", "a//b", "shop"] }),
    /ecr: 2 problems\n.*repositories\.0: .*\n.*repositories\.1: /,
  );
  assert.throws(() => ecr({ repositories: ["shop", "shop"] }), /each repository once/);
});

const own = externalSecrets({ store: { aws: { region: "eu-central-1" } } });
const images = harbor({
  host: "harbor.example.com",
  certificate: "harbor-tls",
  database: { ofCluster: { multiAz: false, backups: 7 } },
});

test("mocked: Harbor uses a database of RDS that only the nodes reach, and no password is in the state", async () => {
  const found = await record(
    () =>
      new Platform(
        definePlatform({ ...settings, cluster: eks({ ...least, name: "prod" }) }, { secrets: own, registry: images }),
      ),
  );
  const at = "p-cluster-harbor-database";
  const made = one("Instance", at, found);
  assert.deepEqual(
    [made.identifier, made.multiAz, made.backupRetentionPeriod, made.publiclyAccessible, made.storageEncrypted],
    ["prod-harbor", false, 7, false, true],
  );
  assert.deepEqual([made.manageMasterUserPassword, made.password, made.passwordWo], [true, undefined, undefined]);
  assert.deepEqual([made.deletionProtection, made.iamDatabaseAuthenticationEnabled], [true, true]);
  assert.equal(made.kmsKeyId, reference(`aws_kms_key.${at}.arn`));
  const opened = one("SecurityGroupIngressRule", at, found);
  assert.equal(
    opened.referencedSecurityGroupId,
    reference("aws_eks_cluster.p-cluster-cluster.vpc_config[0].cluster_security_group_id"),
  );
  assert.deepEqual([opened.fromPort, opened.toPort, opened.cidrIpv4], [5432, 5432, undefined]);
  assert.deepEqual(one("ParameterGroup", at, found).parameters, [{ name: "rds.force_ssl", value: "1" }]);
  const { rotateImmediately, rotationRules } = one("SecretRotation", at, found);
  assert.deepEqual([rotateImmediately, rotationRules], [false, { automaticallyAfterDays: 365 }]);
  const { type, externalName } = named(found, "Service", "harbor-database-outside").spec;
  assert.deepEqual([type, externalName], ["ExternalName", reference(`aws_db_instance.${at}.address`)]);
  const { spec } = named(found, "ExternalSecret", "harbor-database-outside");
  assert.deepEqual(spec.data, [
    {
      secretKey: "password",
      remoteRef: {
        key: reference(`aws_db_instance.${at}.master_user_secret[0].secret_arn`),
        property: "password",
      },
    },
  ]);
  const chart = ofKind(found, "Chart").find(({ inputs }) => inputs.namespace === "harbor");
  assert.deepEqual(chart?.inputs.values.database.external, {
    host: "harbor-database-outside",
    port: "5432",
    username: "harbor",
    coreDatabase: "harbor",
    existingSecret: "harbor-database-outside",
    sslmode: "require",
  });
  assert.ok(chart?.after.some((each) => each.endsWith("-database")));
});

test("mocked: a database is refused where nothing reads its password, and where RDS would not take it", async () => {
  await record(() => {
    const cluster = new EksCluster("c", least);
    assert.throws(() => images.build("r", { cluster }, {}), /harbor: 1 problem\n.*database: .*externalSecrets/);
    const role = "arn:aws:iam::123456789012:role/{app}";
    const others = externalSecrets({ store: { aws: { region: "eu-central-1", role } } }).build("s", { cluster }, {});
    assert.throws(() => images.build("o", { cluster, secrets: others }, {}), /database: /);
    assert.throws(
      () => cluster.cloud.database("harbor", { instanceClass: "large", storage: 100, maxStorage: 100, backups: 0 }),
      /database harbor: 3 problems\n.*instanceClass: .*\n.*backups: .*\n.*maxStorage: /,
    );
    assert.throws(() => cluster.cloud.database("a".repeat(70)), /name: .*at most 63/);
  });
  assert.throws(
    () => definePlatform({ ...settings, cluster: embedded() }, { registry: images }),
    /layers\.registry: found "harbor, which asks the cluster for a database"; allowed: .*the cluster embedded makes none/,
  );
});

// Each resource that a reviewer would ask about, with the answer. A policy of a key speaks of the key as "*".
const wide: Readonly<Record<string, string>> = {
  "log-stream:*": "the streams of one group of logs",
  "change/*": "a change of DNS has a number that nobody knows before",
};
test("mocked: no statement of any policy allows a wildcard that has no reason", () => {
  const seen = new Set<string>();
  const problems = declared.flatMap(({ type, name, inputs }) =>
    [inputs.policy, inputs.assumeRolePolicy]
      .filter((policy) => type.startsWith("aws:") && typeof policy === "string")
      .flatMap((policy: string) => statements(policy))
      .filter(({ Effect }) => Effect === "Allow")
      .flatMap(({ Action, Resource = [], Principal }) => {
        const reasons = Object.keys(wide).filter((end) => Resource.some((each) => each.endsWith(end)));
        for (const reason of reasons) seen.add(reason);
        return [
          ...Action.filter((action) => action.includes("*")),
          ...Resource.filter((each) => each === "*" && !type.startsWith("aws:kms/")),
          ...Resource.filter(
            (each) => each.endsWith("*") && each !== "*" && !each.endsWith(".arn}/*") && reasons.length === 0,
          ),
          ...Object.values(Principal ?? {}).filter((principal) => principal.includes("*")),
        ].map((what) => `${type} ${name}: ${what}`);
      }),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual([...seen].sort(), Object.keys(wide).sort());
});

test("what a cluster without a cloud cannot make is an error of the platform, with every layer that asks", () => {
  assert.throws(() => definePlatform({ ...settings, cluster: embedded() }, layers), {
    message:
      /^platform: 3 problems\n.*layers\.secrets: found "vault, which asks the cluster for a key"; allowed: .*the cluster embedded makes none\n.*layers\.logs: .*a bucket.*\n.*layers\.registry: .*a bucket/,
  });
  const { certificates } = layers;
  assert.doesNotThrow(() => definePlatform({ ...settings, cluster: embedded() }, { certificates }));
});

test("mocked: names that AWS would not take are refused before anything is asked", async () => {
  const long = "a".repeat(40);
  await record(() => {
    const { cloud } = new EksCluster("c", { ...least, name: long });
    assert.throws(() => cloud.bucket("loki"), /bucket: 1 problem\n.*name: found ".*"; allowed: at most 63 characters/);
    assert.throws(
      () => cloud.identity({ namespace: "monitoring", serviceAccount: "prometheus", grants: [] }),
      /identity: 1 problem\n.*at most 64 characters/,
    );
    assert.deepEqual(cloud.secrets().read.statements[0]?.resources, [
      `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${long}/*`,
    ]);
  });
});
