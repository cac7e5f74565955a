// The state of a platform with all layers is gone: is it made anew, and do the passwords and keys that layers made stay as they are?
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Managed, managedObjects } from "../../commands/managed.ts";
import { type Api, connect } from "../../local/kubernetes-api.ts";
import { type Clone, sharedClone } from "../clone.ts";

let clone: Clone;
let api: Api;

before(async () => {
  clone = sharedClone();
  api = await connect((await clone.status()).kubeconfig.ci);
});
after(() => api.close());

const secretsIn = (objects: readonly Managed[]) =>
  Object.fromEntries(
    objects.filter(({ object }) => object.kind === "Secret").map(({ name, object }) => [name, object.data]),
  );

test("the state is removed: recovered, each object is the one that was there, each Secret holds what it held, and none is printed", async () => {
  const before = await managedObjects(api, "plumbline");
  const secrets = secretsIn(before);
  const accounts = Object.keys(secrets).filter((name) => name.startsWith("Secret distribution/"));
  assert.ok(accounts.length > 0, `no password of the registry is among ${Object.keys(secrets)}`);
  const stacks = join(clone.folder, ".plumbline", "pulumi", "backend", ".pulumi", "stacks", "plumbline");
  await rm(stacks, { recursive: true });
  const { exitCode, all } = await clone.plumbline(["recover", "--yes"]);
  assert.equal(exitCode, 0, all);
  const after = await managedObjects(api, "plumbline");
  assert.deepEqual(secretsIn(after), secrets);
  assert.deepEqual(
    after.map(({ name, uid }) => [name, uid]),
    before.map(({ name, uid }) => [name, uid]),
  );
  assert.doesNotMatch(all, /≠/);
  const values = Object.values(secrets).flatMap((data) => Object.values((data ?? {}) as Record<string, string>));
  for (const value of values.filter((text) => text.length > 12)) {
    assert.ok(!all.includes(value) && !all.includes(Buffer.from(value, "base64").toString()), "a Secret is printed");
  }
  const drift = await clone.plumbline(["drift"]);
  assert.equal(drift.exitCode, 0, drift.all);
});
