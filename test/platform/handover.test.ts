// One word of an app changes, from "pull" to "push" and back: nothing is made anew, nobody who asks notices.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Api, ApiError, connect } from "../../local/kubernetes-api.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { watchHandover } from "../handover.ts";
import { killedUp } from "../killed-up.ts";

let clone: Clone;
let status: Status;
let api: Api;
let stack: string;
let pulled: string;
const app = (now: Status) => now.apps[0] ?? assert.fail("no app");
const inExample = async (...args: string[]) => (await execa("git", args, { cwd: status.git.example })).stdout;
const file = (name: string) => join(status.git.example, "apps/hello", name);
const pushAll = async (message: string): Promise<string> => {
  await inExample("add", "--all");
  await inExample("commit", "--quiet", "--message", message);
  await inExample("push", "--quiet");
  return inExample("rev-parse", "HEAD");
};
const up = async (): Promise<string> => {
  const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(exitCode, 0, String(all));
  return String(all);
};
const path = "/api/v1/namespaces/hello/configmaps/hello";
const canary = "canary-in-a-pushed-secret";
const secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: canary\nstringData:\n  word: ";

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  api = await connect(status.kubeconfig.ci);
  stack = join(clone.folder, "stacks/shared/first-light.ts");
  pulled = await readFile(stack, "utf8");
  const text = await readFile(file("config.yaml"), "utf8");
  await writeFile(file("config.yaml"), `${text}  first: "1"\n  second: "2"\n`);
  const commit = await pushAll("Two more words");
  await eventually("it is delivered", clone.status, (now) => app(now).commit === commit && app(now).healthy, 60);
});
after(async () => {
  await writeFile(stack, pulled);
  api?.close();
});

test("Flux hands an app over to Pulumi, also where the up is killed in between", async () => {
  await writeFile(stack, pulled.replace('kind: "yaml",', 'kind: "yaml", model: "push",'));
  const watched = await watchHandover(api, app(status).url, ["hello"]);
  const head = await inExample("rev-parse", "HEAD");
  await killedUp(clone, /^ \+ .*hello\/hello created \(/m);
  assert.match(await up(), /pulumi has taken over hello/);
  const records = await api.list("/api/v1/namespaces/hello/configmaps?labelSelector=plumbline.dev%2Fpush");
  assert.deepEqual(
    records.map(({ metadata }) => metadata.name),
    ["hello-attempted", "hello-delivered"],
  );
  await watched.end(/kustomize/);
  const { model, agent, commit, healthy } = app(await clone.status());
  assert.deepEqual({ model, agent, commit, healthy }, { model: "push", agent: "pulumi", commit: head, healthy: true });
  await assert.rejects(
    api.get("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/hello/kustomizations/hello"),
    (error: ApiError) => error.status === 404,
  );
});

test("a commit comes with the next up; a live edit is drift until then, and nobody else may write", async () => {
  const text = await readFile(file("config.yaml"), "utf8");
  await writeFile(file("config.yaml"), text.replace(/ {2}first: .*\n/, ""));
  await writeFile(file("secret.yaml"), `${secret}${canary}\n`);
  const commit = await pushAll("One word less, and a secret");
  const developer = await connect(status.kubeconfig.developer);
  const edit = { data: { message: "by hand" } };
  const as = (who: Api) => who.send("PATCH", `${path}?fieldManager=hand`, edit, "application/merge-patch+json");
  await assert.rejects(as(developer), (error: ApiError) => error.status === 403);
  developer.close();
  await as(api);
  const { exitCode, stdout } = await clone.plumbline(["drift", "--json"]);
  const { findings } = JSON.parse(String(stdout)) as { findings: { object: string; field: string; layer: string }[] };
  assert.equal(exitCode, 2);
  const of = (layer: string) => findings.filter((each) => each.layer === layer);
  assert.deepEqual(
    of("state to live").map(({ object, field }) => `${object} ${field}`),
    ["ConfigMap hello/hello data.message"],
  );
  assert.ok(of("program to state").some(({ field }) => field === "data.commit"));
  await up();
  const { data } = await api.get<{ data: Record<string, string> }>(path);
  assert.deepEqual(data, { message: data.message, second: "2" });
  assert.notEqual(data.message, "by hand");
  assert.equal(app(await clone.status()).commit, commit);
  const { stdout: state } = await clone.plumbline(["pulumi", "stack", "export"]);
  assert.ok(String(state).includes("local-hello/canary"));
  assert.ok(!String(state).includes(canary) && !String(state).includes(Buffer.from(canary).toString("base64")));
});

test("Pulumi hands it back to Flux, which then removes what leaves Git", async () => {
  await writeFile(stack, pulled);
  const watched = await watchHandover(api, app(status).url, ["hello"]);
  assert.match(await up(), /flux has taken over hello/);
  await watched.end(/"manager":"plumbline"|pulumi\.com/);
  const text = await readFile(file("config.yaml"), "utf8");
  await writeFile(file("config.yaml"), text.replace(/ {2}second: .*\n/, ""));
  await rm(file("secret.yaml"));
  const commit = await pushAll("As it was");
  await eventually("it is delivered", clone.status, (now) => app(now).commit === commit && app(now).healthy, 60);
  const { data } = await api.get<{ data: Record<string, string> }>(path);
  assert.deepEqual(Object.keys(data), ["message"]);
  await assert.rejects(
    api.get("/api/v1/namespaces/hello/secrets/canary"),
    (error) => error instanceof ApiError && error.status === 404,
  );
});
