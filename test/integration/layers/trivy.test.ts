// What does Trivy find in what clusters, their cloud and the bootstrap declare at AWS? Recorded, translated, and read by its checks.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { execa } from "execa";
import { EksCluster, type EksClusterArgs } from "../../../components/aws.ts";
import { Platform } from "../../../components/index.ts";
import { resolve } from "../../../engine/resolve.ts";
import bootstrap from "../../../stacks/bootstrap.ts";
import { loadStack } from "../../../stacks/shared/load.ts";
import { hcl } from "../../hcl.ts";
import { offline, translate } from "../../opentofu.ts";
import { type Declared, record } from "../../unit/components/recorder.ts";

const region = "eu-central-1";
const least: EksClusterArgs = {
  region,
  account: "123456789012",
  version: "1.35",
  identities: { ci: "arn:aws:iam::123456789012:role/ci" },
};
const group = { name: "all", instanceTypes: ["m7i.large"], min: 2, max: 6 };

/** All that a cluster can be asked for at AWS. */
const whole = () => {
  const { cloud } = new EksCluster("whole", { ...least, nodeGroups: [group, { ...group, name: "al", os: "al2023" }] });
  const grants = [cloud.bucket("loki").readWrite, cloud.key("vault").unseal, cloud.zone("Z0123456789ABC").records];
  cloud.identity({ namespace: "logs", serviceAccount: "loki", grants: [...grants, cloud.secrets().read] });
  cloud.repository("team/web");
  cloud.database("harbor");
};
const privateSubnetIds = ["subnet-0aaaaaaaa", "subnet-0bbbbbbbb", "subnet-0cccccccc"];
const configurations: Readonly<Record<string, () => unknown>> = {
  "the example": () => import("../../../examples/eks.ts"),
  "the stack production": async () => new Platform(await loadStack("production")),
  "the stack bootstrap": bootstrap,
  "a cluster with all that it can be asked for": whole,
  "Auto Mode": () => new EksCluster("auto", least),
  "a network that is there": () =>
    new EksCluster("there", { ...least, network: { vpcId: "vpc-0123456789abcdef0", privateSubnetIds } }),
};

interface Finding {
  readonly id: string;
  readonly severity: "CRITICAL" | "HIGH" | "MEDIUM" | "LOW" | "UNKNOWN";
  readonly resource: string;
  readonly message: string;
}

let trivy: string;
before(async () => {
  trivy = (await resolve(["trivy-config"])).get("trivy-config")?.path ?? "";
});

const scan = async (declared: readonly Declared[]): Promise<{ passed: number; failed: Finding[] }> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-trivy-"));
  try {
    await writeFile(join(folder, "main.tf"), hcl(translate(declared, { region, ...offline })));
    const { stdout } = await execa(trivy, [folder]);
    return JSON.parse(stdout) as { passed: number; failed: Finding[] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
const told = ({ id, severity, resource, message }: Finding) => `${severity} ${id} ${resource}: ${message}`;

for (const [name, declare] of Object.entries(configurations)) {
  test(`Trivy, over the translation of ${name}: no finding of high severity`, async () => {
    const { passed, failed } = await scan(await record(declare));
    assert.ok(passed > 10, `${passed} checks passed`);
    const high = failed.filter(({ severity }) => severity === "CRITICAL" || severity === "HIGH");
    assert.deepEqual(high.map(told), []);
  });
}

test("Trivy would find what somebody opened: an endpoint that addresses outside reach", async () => {
  const declared = await record(() => new EksCluster("open", { ...least, publicAccessCidrs: ["198.51.100.7/32"] }));
  const high = (await scan(declared)).failed.filter(({ severity }) => severity === "CRITICAL" || severity === "HIGH");
  assert.deepEqual(high.map(({ id, resource }) => `${id} ${resource}`).sort(), [
    "AWS-0040 aws_eks_cluster.open-cluster",
    "AWS-0041 aws_eks_cluster.open-cluster",
  ]);
});

test("Trivy would find Secrets that are not encrypted, and nodes that ask for no token", async () => {
  const declared = await record(() => new EksCluster("seeded", { ...least, nodeGroups: [group] }));
  const seeded = declared.map((each) =>
    each.type === "aws:ec2/launchTemplate:LaunchTemplate"
      ? { ...each, inputs: { ...each.inputs, metadataOptions: { httpTokens: "optional" } } }
      : each.type === "aws:eks/cluster:Cluster"
        ? { ...each, inputs: { ...each.inputs, encryptionConfig: undefined } }
        : each,
  );
  const high = (await scan(seeded)).failed.filter(({ severity }) => severity === "HIGH");
  assert.deepEqual(high.map(({ id }) => id).sort(), ["AWS-0039", "AWS-0130"]);
});
