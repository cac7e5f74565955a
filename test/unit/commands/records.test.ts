// What `status` makes of an agent's objects, with objects as the controllers write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { argoCdRecord } from "../../../commands/argo-cd-records.ts";
import { pushRecord } from "../../../commands/push-records.ts";

const [older, newer] = ["aa".repeat(20), "bb".repeat(20)];
const now = Date.parse("2026-01-01T12:00:00Z");
const application = (status: object) => ({
  metadata: { name: "shop", namespace: "shop", annotations: { "plumbline.dev/timeout": "1m30s" } },
  spec: { source: { path: "apps/shop" } },
  status,
});
const history = [{ revision: older, deployedAt: "2026-01-01T11:00:00Z" }];
const healthy = { status: "Healthy", lastTransitionTime: "2026-01-01T11:00:05Z" };

test("a commit that changes nothing of the app is the one that runs", () => {
  const record = argoCdRecord(
    application({ sync: { status: "Synced", revision: newer }, health: healthy, history }),
    now,
  );
  const { agent, commit, well, deliveredAt, folder } = record;
  assert.deepEqual(
    { agent, commit, well, deliveredAt, folder },
    { agent: "argo-cd", commit: newer, well: true, deliveredAt: "2026-01-01T11:00:00Z", folder: "apps/shop" },
  );
});

test("a commit that cannot be rendered leaves the one before it, and says why", () => {
  const message = 'Failed to unmarshal "config.yaml": yaml: line 4: did not find expected key';
  const record = argoCdRecord(
    application({
      sync: { status: "Unknown", revision: newer },
      health: healthy,
      history,
      conditions: [
        { type: "ComparisonError", message },
        { type: "ComparisonError", message },
        { type: "OrphanedResourceWarning", message: "nothing to see" },
      ],
    }),
    now,
  );
  assert.deepEqual([record.commit, record.well, record.failure], [older, false, message]);
  assert.deepEqual(record.hint, { file: "config.yaml", line: "4" });
});

test("what was refused is named, while it is tried again as well", () => {
  const operationState = {
    phase: "Running",
    message: "one or more objects failed to apply. Retrying attempt #3 at 12:00PM.",
    syncResult: {
      revision: newer,
      resources: [
        { kind: "ConfigMap", name: "fine", status: "Synced", message: "configmap/fine serverside-applied" },
        { kind: "Deployment", name: "web", status: "SyncFailed", message: "it is not allowed" },
      ],
    },
  };
  const record = argoCdRecord(
    application({ sync: { status: "OutOfSync", revision: newer }, health: healthy, history, operationState }),
    now,
  );
  assert.match(record.failure ?? "", /^Deployment\/web apply failed: it is not allowed; .*failed to apply/);
  assert.deepEqual(record.hint, { object: "Deployment/web" });
  assert.deepEqual([record.commit, record.attempted], [older, newer]);
  const first = argoCdRecord(
    application({ operationState: { phase: "Running", message: "waiting for completion" } }),
    now,
  );
  assert.deepEqual([first.failure, first.commit], [undefined, ""]);
});

test("what is refused before it is tried points at its object, or its kind", () => {
  const hint = (message: string) =>
    argoCdRecord(application({ sync: { status: "Unknown" }, conditions: [{ type: "ComparisonError", message }] }), now)
      .hint;
  assert.deepEqual(hint('Failed to load live state: namespace "default" for ConfigMap "elsewhere" is not managed'), {
    object: "ConfigMap/elsewhere",
  });
  assert.deepEqual(hint('Make sure the "Teapot" CRD is installed on the destination cluster.'), { kind: "Teapot" });
});

test("what is not healthy in its time has failed, and not before", () => {
  const since = (time: string) =>
    argoCdRecord(
      application({
        sync: { status: "Synced", revision: newer },
        health: { status: "Progressing", lastTransitionTime: time },
      }),
      now,
    ).failure;
  assert.equal(since("2026-01-01T11:58:31Z"), undefined);
  assert.equal(since("2026-01-01T11:58:29Z"), "not healthy within 1m30s");
});

test("a sync without a new commit has undone a live edit", async () => {
  const operation = (sync: object) => ({
    phase: "Succeeded",
    finishedAt: "2026-01-01T11:30:00Z",
    operation: { sync },
    syncResult: {
      revision: older,
      resources: [{ kind: "Deployment", name: "web", message: "deployment.apps/web serverside-applied" }],
    },
  });
  const reverted = (sync: object) => argoCdRecord(application({ operationState: operation(sync) }), now).reverted();
  assert.deepEqual(await reverted({ autoHealAttemptsCount: 1 }), {
    what: "Deployment/web deployment.apps/web serverside-applied",
    at: "2026-01-01T11:30:00Z",
  });
  assert.equal(await reverted({}), undefined);
});

test("what Pulumi applied is there once its record is, and as well as its workloads", () => {
  const record = (name: string, commit: string, time: string) => ({
    metadata: {
      name,
      namespace: "shop",
      managedFields: [{ manager: "plumbline", operation: "Apply" as const, fieldsV1: {}, time }],
    },
    data: { repository: "https://git.example/shop.git", commit, path: "apps/shop" },
  });
  const [begun, there] = ["2026-01-01T11:00:00Z", "2026-01-01T11:00:09Z"];
  const attempted = record("shop-attempted", newer, begun);
  const first = pushRecord(attempted, undefined);
  assert.deepEqual([first.commit, first.well, first.failure], ["", false, "commit bbbbbbbbbb is not there as a whole"]);
  const whole = pushRecord(attempted, record("shop-delivered", newer, there));
  assert.deepEqual(
    [whole.agent, whole.commit, whole.well, whole.failure, whole.folder, whole.deliveredAt, whole.changedAt],
    ["pulumi", newer, true, undefined, "apps/shop", there, begun],
  );
  const half = pushRecord(attempted, record("shop-delivered", older, there), "Deployment shop/web: 0 of 1 ready");
  assert.deepEqual([half.commit, half.failure], [older, "commit bbbbbbbbbb is not there as a whole"]);
  const waiting = pushRecord(attempted, record("shop-delivered", newer, there), "Deployment shop/web: 0 of 1 ready");
  assert.deepEqual([waiting.well, waiting.failure], [false, "Deployment shop/web: 0 of 1 ready"]);
});
