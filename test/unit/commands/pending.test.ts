// An `up` that was killed while AWS made a cluster: is it looked for by its name, and what has none of ours named?
import assert from "node:assert/strict";
import { test } from "node:test";
import { pendingCreates, withPending } from "../../../commands/pending.ts";

const urn = (type: string, name: string) => `urn:pulumi:production::plumbline::${type}::${name}`;
const operation = (type: string, name: string, inputs: object, what = "creating") => ({
  type: what,
  resource: { urn: urn(type, name), type, inputs },
});
const exported = JSON.stringify({
  version: 3,
  deployment: {
    pending_operations: [
      operation("aws:eks/cluster:Cluster", "prod", { name: "acme-production" }),
      operation("aws:eks/addon:Addon", "dns", { clusterName: "acme-production", addonName: "coredns" }),
      operation("aws:rds/instance:Instance", "db", { identifier: "acme-production-harbor" }),
      operation("aws:eks/nodeGroup:NodeGroup", "nodes", {
        clusterName: "acme-production",
        nodeGroupNamePrefix: "all-",
      }),
      operation("aws:eks/cluster:Cluster", "going", { name: "old" }, "deleting"),
      operation("kubernetes:core/v1:ConfigMap", "map", { metadata: { name: "map" } }),
    ],
  },
});

test("mocked: what was being made at AWS is known by the name that we gave it", () => {
  assert.deepEqual(
    pendingCreates(exported).map(({ type, id }) => [type.split(":").at(-1), id]),
    [
      ["Cluster", "acme-production"],
      ["Addon", "acme-production:coredns"],
      ["Instance", "acme-production-harbor"],
      ["NodeGroup", undefined],
    ],
  );
  assert.deepEqual(pendingCreates('{"version":3,"deployment":null}'), []);
});

test("what is known becomes a resource that a refresh looks at, and the rest stays pending", () => {
  const found = pendingCreates(exported).filter(({ id }) => id);
  const { resources, pending_operations: left } = withPending(JSON.parse(exported).deployment, found);
  assert.deepEqual(
    resources.map(({ urn: each, id, outputs }: { urn: string; id: string; outputs: object }) => [each, id, outputs]),
    found.map(({ urn: each, id }) => [each, id, {}]),
  );
  assert.deepEqual(
    left.map(({ resource }: { resource: { urn: string } }) => resource.urn.split("::").at(-1)),
    ["nodes", "going", "map"],
  );
});
