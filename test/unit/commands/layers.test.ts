// Whether a layer is ready, and where the host reaches it, from what the API server and the cluster's forwards say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exposedForwards } from "../../../commands/exposed.ts";
import { layerStatuses, type Workloads } from "../../../commands/layer-status.ts";
import { type Definition, embedded, layer } from "../../../components/index.ts";

const metadata = (namespace: string, name: string) => ({ name, namespace, generation: 3 });
const workloads: Workloads = {
  namespaces: [
    { metadata: { name: "logs", labels: { "plumbline.dev/slot": "logs" } } },
    { metadata: { name: "collector", labels: { "plumbline.dev/slot": "collector" } } },
    { metadata: { name: "collector-nodes", labels: { "plumbline.dev/slot": "collector" } } },
    { metadata: { name: "secrets", labels: { "plumbline.dev/slot": "secrets" } } },
  ],
  deployments: [
    {
      metadata: metadata("collector", "gateway"),
      spec: { replicas: 2 },
      status: { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2 },
    },
  ],
  statefulSets: [
    {
      metadata: metadata("logs", "loki"),
      spec: { replicas: 1 },
      status: { observedGeneration: 3, updatedReplicas: 1, readyReplicas: 1 },
    },
  ],
  daemonSets: [
    {
      metadata: metadata("collector-nodes", "agent"),
      spec: {},
      status: {
        observedGeneration: 3,
        desiredNumberScheduled: 2,
        updatedNumberScheduled: 2,
        numberReady: 2,
      },
    },
  ],
};

const statusOf = (slot: string, found: Workloads, version = "1.0.0") =>
  layerStatuses(
    [
      { slot: "cluster", implementation: "embedded", version: "" },
      { slot, implementation: "x", version },
    ],
    found,
    (each) => (each === "logs" ? "http://127.0.0.1:1" : undefined),
  );

const changed = (kind: keyof Workloads, status: object): Workloads => ({
  ...workloads,
  [kind]: workloads[kind].map((each) => ({ ...each, status: { ...each.status, ...status } })),
});

test("a layer is ready when every workload of every namespace of its slot is", () => {
  assert.deepEqual(statusOf("logs", workloads), [
    { slot: "logs", implementation: "x", version: "1.0.0", ready: true, url: "http://127.0.0.1:1" },
  ]);
  assert.deepEqual(
    statusOf("collector", workloads).map(({ ready, url }) => [ready, url]),
    [[true, ""]],
  );
});

test("what is not ready is named, of each kind of workload", () => {
  const message = (slot: string, found: Workloads) => statusOf(slot, found)[0]?.message;
  assert.equal(message("logs", changed("statefulSets", { readyReplicas: 0 })), "StatefulSet logs/loki: 0 of 1 ready");
  assert.equal(
    message("collector", changed("daemonSets", { numberReady: 1 })),
    "DaemonSet collector-nodes/agent: 1 of 2 ready",
  );
  assert.equal(
    message("collector", changed("deployments", { readyReplicas: 1 })),
    "Deployment collector/gateway: 1 of 2 ready",
  );
  // The old pods answer while the new ones are still to come.
  assert.match(message("collector", changed("deployments", { updatedReplicas: 1 })) ?? "", /^Deployment/);
  assert.match(message("logs", changed("statefulSets", { observedGeneration: 2 })) ?? "", /^StatefulSet/);
});

test("a layer whose programs should run shows some; one that stands outside the cluster need not", () => {
  assert.equal(statusOf("secrets", workloads)[0]?.message, "nothing of it is there");
  assert.equal(statusOf("metrics", workloads)[0]?.ready, false);
  assert.equal(statusOf("metrics", workloads, "")[0]?.ready, true);
  const kept = { metadata: { name: "monitoring", labels: { "plumbline.dev/slot": "metrics" } } };
  const left = { ...workloads, namespaces: [...workloads.namespaces, kept] };
  assert.equal(statusOf("metrics", left, "")[0]?.ready, true);
  assert.equal(statusOf("metrics", left)[0]?.ready, false);
});

test("the host has a port for each app that names a Service and each layer that is reached", () => {
  const reach = { service: "prometheus", namespace: "metrics", port: 9090, scheme: "http" } as const;
  const build = () => {
    throw new Error("not built here");
  };
  const definition: Definition = {
    settings: { name: "p", git: { url: "http://x", branch: "main" }, cluster: embedded(), apps: [] },
    layers: {
      agent: layer({ slot: "agent", implementation: "flux", needs: [], build }),
      metrics: layer({ slot: "metrics", implementation: "prometheus", needs: [], reach, build }),
    },
  };
  assert.deepEqual(exposedForwards(definition), [
    { name: "layer/metrics", listen: "127.0.0.1:18181", target: "prometheus.metrics.svc.cluster.local:9090" },
  ]);
});
