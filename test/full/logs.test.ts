// Are all lines there after the layer that keeps them was away? A pod counts aloud, and no number is missing.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { counter } from "./lines.ts";

let status: Status;
let kubectl: Kubectl;

before(async () => {
  status = await sharedClone().status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
});

test("what is said while nobody keeps logs is held on the node, and comes: no line is lost", async () => {
  const scale = (replicas: number) =>
    kubectl(["scale", "statefulset/victoria-logs", "--namespace", "victoria-logs", `--replicas=${replicas}`]);
  const counts = await counter(kubectl, "counts-held");
  try {
    await sleep(3000);
    await scale(0);
    await kubectl(["wait", "pod/victoria-logs-0", "--namespace", "victoria-logs", "--for=delete", "--timeout=60s"]);
    // Longer than the collector's longest pause between two attempts.
    await sleep(20_000);
    await scale(1);
    await kubectl([
      ...["rollout", "status", "statefulset/victoria-logs", "--namespace", "victoria-logs", "--timeout=60s"],
    ]);
    await sleep(2000);
    const last = await counts.end(status);
    assert.ok(last > 100, `${last} lines`);
  } finally {
    await scale(1);
    await counts.remove();
  }
});
