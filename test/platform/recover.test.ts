// A state that is lost or damaged: is it made anew from what the cluster holds, with every object left as it is?
import assert from "node:assert/strict";
import { readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { managedObjects } from "../../commands/managed.ts";
import { git } from "../../local/example.ts";
import { type Api, connect } from "../../local/kubernetes-api.ts";
import { type Clone, sharedClone } from "../clone.ts";

let clone: Clone;
let api: Api;
let pulumi: string;
let file: string;
const stranger = "/api/v1/namespaces/hello/configmaps/of-nobody";

before(async () => {
  clone = sharedClone();
  api = await connect((await clone.status()).kubeconfig.ci);
  pulumi = join(clone.folder, ".plumbline", "pulumi");
  file = join(pulumi, "backend", ".pulumi", "stacks", "plumbline", "local.json");
});
after(async () => {
  await api.send("DELETE", stranger, undefined).catch(() => undefined);
  await rm(join(pulumi, "damaged"), { recursive: true, force: true });
  api.close();
});

/** UIDs of all that the platform applied, but for the record of its deployment, by name. */
const uids = async () =>
  Object.fromEntries(
    (await managedObjects(api, "plumbline"))
      .filter(({ name }) => name !== "ConfigMap plumbline-system/deployment-local")
      .map(({ name, uid }) => [name, uid]),
  );

test("a state that is whole is left alone", async () => {
  const text = await readFile(file, "utf8");
  const { exitCode, all } = await clone.plumbline(["recover", "--yes"]);
  assert.equal(exitCode, 0, all);
  assert.match(all, /^The state of stack local is whole/);
  assert.equal(await readFile(file, "utf8"), text);
});

test("a truncated state: every command says the way out, and nothing changes before it is asked for", async () => {
  const was = await uids();
  await truncate(file, 30_000);
  const drift = await clone.plumbline(["drift"]);
  assert.notEqual(drift.exitCode, 0);
  assert.match(drift.all, /failed to load checkpoint[\s\S]*way out: `plumbline recover`/);
  const looked = await clone.plumbline(["recover"]);
  assert.equal(looked.exitCode, 0, looked.all);
  assert.match(looked.all, /is damaged: .*\n.*holds \d+ objects of it\.\nNothing was changed/);
  assert.equal((await readFile(file)).length, 30_000);
  assert.deepEqual(await uids(), was);
});

test("from another commit than the one that was deployed it is refused, and that one is named", async () => {
  const deployed = (await clone.status()).deployment?.revision ?? assert.fail("no record");
  await git(clone.folder, "commit", "--quiet", "--allow-empty", "--message", "Something else");
  try {
    const { exitCode, all } = await clone.plumbline(["recover", "--yes"]);
    assert.equal(exitCode, 1, all);
    assert.match(all, new RegExp(`way out: git checkout ${deployed}, then again[\\s\\S]*code: OTHER_COMMIT`));
  } finally {
    await git(clone.folder, "reset", "--quiet", "--soft", "HEAD~1");
  }
});

test("recovered, a preview that looks at the cluster is empty, and every object is the one that was there", async () => {
  const was = await uids();
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "of-nobody" }, data: { key: "value" } };
  await api.send("PATCH", `${stranger}?fieldManager=plumbline`, body, "application/apply-patch+yaml");
  const { exitCode, all } = await clone.plumbline(["recover", "--yes"]);
  assert.equal(exitCode, 0, all);
  assert.match(all, new RegExp(`✔ ${Object.keys(was).length} objects are in the new state`));
  assert.match(all, /≠ there, and declared by nobody: .*\n {4}ConfigMap hello\/of-nobody/);
  assert.doesNotMatch(all, /missing before|made again/);
  await api.send("DELETE", stranger, undefined);
  assert.deepEqual(await uids(), was);
  const preview = await clone.plumbline(["pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive"]);
  assert.equal(preview.exitCode, 0, preview.all);
  assert.equal((await readdir(join(pulumi, "damaged"))).length, 1, "what was left of the state is kept");
  assert.deepEqual(await readdir(join(pulumi, "home")).then((names) => names.filter((name) => /kept/.test(name))), []);
});
