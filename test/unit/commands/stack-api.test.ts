// Which cluster does a state name, which stack do arguments name, and what of a cloud counts as drift?
import assert from "node:assert/strict";
import { test } from "node:test";
import { cloudStepFindings, withoutKnown } from "../../../commands/drift.ts";
import { stackIn } from "../../../commands/pulumi.ts";
import { clusterOf, connectStack } from "../../../commands/stack-api.ts";

const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  plaintext: JSON.stringify(value),
});
const state = (inputs: object) =>
  JSON.stringify({ deployment: { resources: [{ type: "pulumi:providers:kubernetes", inputs }] } });

test("the cluster is the one of the provider in the state, a secret kubeconfig too", () => {
  assert.deepEqual(clusterOf(state({ kubeconfig: "/home/me/.kube/config", context: "prod" })), {
    kubeconfig: "/home/me/.kube/config",
    context: "prod",
  });
  assert.equal(clusterOf(state({ kubeconfig: secret("apiVersion: v1\n") }))?.kubeconfig, "apiVersion: v1\n");
  assert.equal(clusterOf('{"deployment":{"resources":[]}}'), undefined);
  assert.equal(clusterOf('{"deployment":null}'), undefined);
});

test("a stack without a cluster, and one that does not answer, are expected failures", async () => {
  await assert.rejects(connectStack("production", '{"deployment":null}'), { code: "NO_CONTEXT" });
  const kubeconfig = `apiVersion: v1
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:9" } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
users: [{ name: u, user: { token: t } }]
current-context: c
`;
  await assert.rejects(connectStack("production", state({ kubeconfig })), { code: "UNREACHABLE" });
  await assert.rejects(connectStack("production", state({ kubeconfig: "/nowhere/config" })), { code: "NO_CONTEXT" });
});

test("the stack that arguments name decides, however it is written", () => {
  for (const words of [
    ["up", "--stack", "production"],
    ["up", "-s", "production"],
    ["up", "--stack=acme/plumbline/production"],
  ])
    assert.equal(stackIn(words), "production");
  assert.equal(stackIn(["up", "--yes"]), undefined);
});

// As Pulumi prints a preview that looked first.
const urn = (type: string, name: string) => `urn:pulumi:p::plumbline::plumbline:index:EksCluster$${type}::${name}`;
const steps = JSON.stringify({
  steps: [
    { op: "refresh", urn: urn("aws:eks/cluster:Cluster", "prod"), detailedDiff: null },
    {
      op: "update",
      urn: urn("aws:eks/cluster:Cluster", "prod"),
      detailedDiff: { "vpcConfig.endpointPublicAccess": { kind: "update" } },
    },
    { op: "create", urn: urn("aws:s3/bucket:Bucket", "loki"), detailedDiff: null },
    {
      op: "update",
      urn: urn("kubernetes:apps/v1:Deployment", "web"),
      detailedDiff: { "spec.replicas": { kind: "update" } },
    },
    { op: "same", urn: urn("aws:ec2/vpc:Vpc", "net"), detailedDiff: null },
  ],
});

test("mocked: at a cloud, drift is what an up would undo; objects of the cluster are told by their own look", () => {
  const found = cloudStepFindings(steps);
  assert.deepEqual(
    found.map(({ object, field, found: there }) => [object.split("::").at(-1), field, there]),
    [
      ["prod", "vpcConfig.endpointPublicAccess", "something else"],
      ["loki", "", undefined],
    ],
  );
  assert.deepEqual(
    withoutKnown(found, found.slice(0, 1)).map(({ field }) => field),
    [""],
    "a commit that was not brought up yet is told once",
  );
});
