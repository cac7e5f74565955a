// Many apps come in one `up`, whose state is written once. It is killed and the stack changes: what the next one finds of the
// killed one it takes over, and of what is declared no longer nothing stays.
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Api, connect } from "../../local/kubernetes-api.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { killedUp } from "../killed-up.ts";

/** As many as are written down once, and one. */
const apps = Array.from({ length: 21 }, (_, index) => `many-${index}`);
const dropped = apps.slice(0, 3);

let clone: Clone;
let status: Status;
let api: Api;
let stack: string;
let single: string;

const inExample = async (...args: string[]) => (await execa("git", args, { cwd: status.git.example })).stdout;
const push = async (message: string): Promise<string> => {
  await inExample("add", "--all");
  await inExample("commit", "--quiet", "--message", message);
  await inExample("push", "--quiet");
  return inExample("rev-parse", "HEAD");
};
const write = async (app: string, value: string) => {
  const folder = join(status.git.example, "many", app);
  await mkdir(folder, { recursive: true });
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { value } };
  await writeFile(join(folder, "settings.yaml"), `${JSON.stringify(object)}\n`);
};
const up = async (): Promise<string> => {
  const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(exitCode, 0, String(all));
  return String(all);
};
const homes = async (): Promise<string[]> =>
  (await api.list("/api/v1/namespaces?labelSelector=plumbline.dev%2Fapp"))
    .filter(({ metadata }) => apps.includes(metadata.name) && !metadata.deletionTimestamp)
    .map(({ metadata }) => metadata.name);
const recorded = async (): Promise<string> => String((await clone.plumbline(["pulumi", "stack", "export"])).stdout);

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  api = await connect(status.kubeconfig.ci);
  stack = join(clone.folder, "stacks/shared/first-light.ts");
  single = await readFile(stack, "utf8");
});
after(async () => {
  await writeFile(stack, single);
  api?.close();
});

test("an up of many apps that is killed is gone on from, and what it made of apps that are declared no longer goes", async () => {
  for (const app of apps) await write(app, "first");
  await push("Many apps");
  const many = single.replace(/(\n *\],)/, '\n      apps({ path: "many/*", kind: "yaml" }),$1');
  await writeFile(stack, many.replace("import { app,", "import { app, apps,"));
  await killedUp(clone, /^ \+ .*many-0-kustomization created \(/m);
  const made = (await homes()).filter((name) => dropped.includes(name));
  assert.ok(made.includes("many-0"), "the killed up made the first app");
  assert.doesNotMatch(await recorded(), /many-0/, "its state was to be written at its end");

  for (const app of dropped) await rm(join(status.git.example, "many", app), { recursive: true });
  await push("Fewer apps");
  const told = await up();
  for (const name of made) assert.ok(told.includes(`removed ${name}, `), `${name} is not among:\n${told}`);
  const kept = apps.filter((name) => !dropped.includes(name));
  assert.deepEqual((await homes()).sort(), [...kept].sort());
  assert.match(await recorded(), /many-20-kustomization/);
  await eventually(
    "the others are delivered",
    clone.status,
    (now) => now.apps.length === kept.length + 1 && now.apps.every(({ healthy }) => healthy),
    90,
  );
});

test("the source of a changed app is told of a push before the others", async () => {
  const list = (plural: string) => api.list(`/apis/${plural}`);
  const kustomizations = await list("kustomize.toolkit.fluxcd.io/v1/kustomizations");
  const asked = async () =>
    new Map(
      (await list("source.toolkit.fluxcd.io/v1/gitrepositories")).map(({ metadata }) => [
        metadata.name,
        Date.parse(metadata.annotations?.["reconcile.fluxcd.io/requestedAt"] ?? ""),
      ]),
    );
  const before = await asked();
  assert.equal(before.size, 2);
  for (const source of before.keys()) {
    const { metadata } =
      kustomizations.find(({ spec, metadata: { name } }) => spec.sourceRef.name === source && apps.includes(name)) ??
      assert.fail(`no app of ${source}`);
    const began = Date.now();
    await write(metadata.name, `second of ${source}`);
    const commit = await push(`Another ${metadata.name}`);
    const now = await eventually(
      "both sources are told",
      asked,
      (times) => [...times.values()].every((time) => time >= began),
      60,
    );
    const other = [...before.keys()].find((name) => name !== source) ?? "";
    assert.ok(
      (now.get(source) ?? 0) < (now.get(other) ?? 0),
      `${source} ${now.get(source)}, ${other} ${now.get(other)}`,
    );
    await eventually(
      "every app has the commit",
      clone.status,
      (s) => s.apps.every((each) => each.commit === commit),
      90,
    );
  }
});

test("they leave with the stack's word for them", async () => {
  await writeFile(stack, single);
  await rm(join(status.git.example, "many"), { recursive: true });
  await push("One app again");
  await up();
  await eventually("their namespaces are gone", homes, (left) => left.length === 0, 60);
  assert.equal((await clone.status()).apps.length, 1);
});
