// Does data outlive its layer? Other arguments for all layers in one update, then the layers that hold data are taken out of
// the stack and put back: what was there before is there after each.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";
import { linesOf } from "./lines.ts";
import { push, tagsOf } from "./registry-client.ts";
import { seriesAt } from "./series.ts";

let clone: Clone;
let kubectl: Kubectl;
let stack: string;
let original: string;
let began: number;
let secret: string;

/** What the app with a secret says of it: a hash. */
const shown = () => kubectl(["get", "--raw", "/api/v1/namespaces/keeper/services/keeper:http/proxy/secret"]);

before(async () => {
  clone = sharedClone();
  kubectl = await kubectlWith((await clone.status()).kubeconfig.ci);
  stack = join(clone.folder, "stacks", "local-full.ts");
  original = await readFile(stack, "utf8");
  began = Date.now() / 1000;
  await push(clone, kubectl, "kept/hello:1");
  secret = await shown();
  assert.match(secret, /^[0-9a-f]{64}$/);
  await dataIsThere();
});
after(() => writeFile(stack, original));

const up = async (text: string): Promise<void> => {
  assert.notEqual(text, await readFile(stack, "utf8"));
  await writeFile(stack, text);
  const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview"]);
  assert.equal(exitCode, 0, String(all).slice(-3000));
};

/** Of each layer that holds something, what it held when this began. */
const dataIsThere = async (): Promise<void> => {
  const status: Status = await clone.status();
  assert.deepEqual(await tagsOf(clone, kubectl, "kept/hello"), ["1"]);
  await eventually(
    "the series of before",
    () => seriesAt(status, began).catch(() => 0),
    (count) => count === 1,
    30,
  );
  const until = new Date(began * 1000).toISOString();
  assert.equal((await linesOf(status, `namespace:=hello _time:<${until} | limit 1`)).length, 1);
  assert.equal(await shown(), secret);
  const port = Number(new URL(status.layers.find(({ slot }) => slot === "ingress")?.url ?? "").port);
  assert.equal((await askThrough(port, "hello.example.test", await authorityOf(kubectl))).code, 200);
};

/** The stack with other arguments; each pair must be found. */
const changed = (pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from);
    return text.replace(from, to);
  }, original);

const pods = (namespace: string) => kubectl(["get", "pods", "--namespace", namespace, "--output", "name"]);

test("other arguments of every layer: what each holds is there afterwards", async () => {
  await up(
    changed({
      "certManager({ ": 'certManager({ duration: "1440h", ',
      '      garbageCollection: { schedule: "0 3 * * *" },\n': "",
      "traefik({ ": 'traefik({ serviceAnnotations: { "example.test/upgraded": "yes" }, ',
      'refresh: "10s"': 'refresh: "15s"',
      "victoriaLogs({ ": 'victoriaLogs({ retention: "60d", ',
      'buffer: "256Mi"': 'buffer: "128Mi"',
      'interval: "15s",\n': 'interval: "15s",\n      retention: "20d",\n',
    }),
  );
  await dataIsThere();
});

/** What `docs/layers.md` says of a namespace that was deleted by mistake. */
const deletedByMistake = async (namespace: string): Promise<void> => {
  type Volume = { metadata: { name: string }; spec: { claimRef: { namespace: string } }; status: { phase: string } };
  const volumes = async () =>
    (JSON.parse(await kubectl(["get", "persistentvolumes", "--output", "json"])) as { items: Volume[] }).items.filter(
      ({ spec }) => spec.claimRef.namespace === namespace,
    );
  await kubectl(["delete", "namespace", namespace, "--timeout=60s"]);
  const found = await eventually(
    `volumes of ${namespace} that nobody claims`,
    volumes,
    (list) => list.length > 0 && list.every(({ status }) => status.phase === "Released"),
    30,
  );
  const forgotten = ["uid", "resourceVersion"].map((field) => ({ op: "remove", path: `/spec/claimRef/${field}` }));
  for (const { metadata } of found)
    await kubectl(["patch", "pv", metadata.name, "--type", "json", "--patch", JSON.stringify(forgotten)]);
};

test("layers that hold data are taken out and put back, the namespace of one is deleted meanwhile: they find it again", async () => {
  const layers = ["registry: distribution", "logs: victoriaLogs", "collector: otelCollector", "metrics: prometheus"];
  await up(
    layers.reduce((text, begin) => {
      const without = text.replace(new RegExp(` {4}${begin}\\(\\{(.*|\\n( {6}.*\\n)*? {4})\\}\\),\\n`), "");
      assert.notEqual(without, text, begin);
      return without;
    }, original),
  );
  for (const namespace of ["distribution", "victoria-logs", "monitoring"])
    await eventually(
      `no pod in ${namespace}`,
      () => pods(namespace),
      (names) => names === "",
      60,
    );
  await deletedByMistake("victoria-logs");
  await up(original);
  await dataIsThere();
});
