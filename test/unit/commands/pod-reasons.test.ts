// Why a pod is not ready: what its status and its log say, and what helps.
import assert from "node:assert/strict";
import { test } from "node:test";
import { podReasons } from "../../../commands/pod-reasons.ts";
import { wayOutOf } from "../../../commands/ways-out.ts";
import type { Api } from "../../../local/kubernetes-api.ts";

const reasons = (status: object, events: object[] = []) => {
  const pod = { metadata: { name: "web", namespace: "shop" }, status };
  const api = {
    list: async (path: string) => (path.includes("/events?") ? events : [pod]),
    text: async (path: string) => `no database\n${path}\n`,
  };
  return podReasons(api as unknown as Api, "shop");
};

test("a program that ended says its last lines, of the run before where it runs again", async () => {
  const state = { waiting: { reason: "CrashLoopBackOff" } };
  const lastState = { terminated: { exitCode: 3 } };
  const [said = ""] = await reasons({ containerStatuses: [{ name: "web", restartCount: 1, state, lastState }] });
  assert.match(
    said,
    /^pod web, container web: CrashLoopBackOff \(ended with 3, saying: no database \| .*previous=true\)$/,
  );
  assert.match(wayOutOf(said) ?? "", /last lines/);
});

test("an image that is not there, a node that is not there, and a pod that only begins", async () => {
  const waiting = { reason: "ImagePullBackOff", message: "not found" };
  const [image = ""] = await reasons({ containerStatuses: [{ name: "web", state: { waiting } }] });
  assert.equal(image, "pod web, container web: ImagePullBackOff, not found");
  assert.match(wayOutOf(image) ?? "", /name or tag/);
  const conditions = [{ type: "PodScheduled", status: "False", message: "Insufficient cpu" }];
  assert.deepEqual(await reasons({ conditions }), ["pod web cannot be scheduled: Insufficient cpu"]);
  const begins = { containerStatuses: [{ name: "web", state: { waiting: { reason: "ContainerCreating" } } }] };
  assert.deepEqual(await reasons(begins), []);
  const event = (reason: string, message: string, lastTimestamp: string) => ({ reason, message, lastTimestamp });
  const events = [
    event("FailedMount", "an older one", "2026-01-01T00:00:00Z"),
    event("FailedMount", 'MountVolume.SetUp failed for volume "key" : secret "key" not found', "2026-01-02T00:00:00Z"),
    event("Unhealthy", "of another kind", "2026-01-03T00:00:00Z"),
  ];
  const [hindered = ""] = await reasons(begins, events);
  assert.equal(
    hindered,
    'pod web does not start: FailedMount, MountVolume.SetUp failed for volume "key" : secret "key" not found',
  );
  assert.match(wayOutOf(hindered) ?? "", /Secret or ConfigMap/);
  const initContainerStatuses = [{ name: "first", state: { waiting: { reason: "CrashLoopBackOff" } } }];
  const [failing = ""] = await reasons({ ...begins, initContainerStatuses }, events);
  assert.equal(failing, "pod web, container first: CrashLoopBackOff");
});

test("an object that no app may write is for the platform to bring", () => {
  const said =
    'CustomResourceDefinition/teapots.example.com dry-run failed (Forbidden): customresourcedefinitions.apiextensions.k8s.io "teapots.example.com" is forbidden: User "system:serviceaccount:shop:deployer" cannot patch resource';
  assert.match(wayOutOf(said) ?? "", /have the platform bring that object/);
});
