// The platform is taken off its cluster and put back: it goes within a minute, what holds data stays, and is found again.
// The last file of its stage, since nothing of the platform is left at its end.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Clone, eventually, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { linesOf } from "./lines.ts";
import { seriesAt } from "./series.ts";

let clone: Clone;
let kubectl: Kubectl;

before(async () => {
  clone = sharedClone();
  kubectl = await kubectlWith((await clone.status()).kubeconfig.ci);
});

const namespaces = async (): Promise<string[]> =>
  (await kubectl(["get", "namespaces", "--output", "jsonpath={.items[*].metadata.name}"])).split(" ");

const own = /^(default|kube-.*)$/;

test("without --yes nothing is changed: it lists what would go and what would stay", async () => {
  const there = await namespaces();
  const { exitCode, stdout } = await clone.plumbline(["destroy"]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\d+ objects of stack local-full would be removed\.$/m);
  assert.match(stdout, /^stays {2}Namespace monitoring, 2 volumes$/m);
  assert.match(stdout, /^ {4}data-prometheus-0 {2}2Gi$/m);
  assert.deepEqual(await namespaces(), there);
});

test("every layer goes within a minute, namespaces with volumes stay, and the next start finds their data", async () => {
  const before = Date.now() / 1000;
  assert.equal(await seriesAt(await clone.status(), before), 1);
  const began = performance.now();
  const { exitCode, all } = await clone.plumbline(["destroy", "--yes"]);
  assert.equal(exitCode, 0, all);
  const kept = [...all.matchAll(/^stays {2}Namespace (\S+),/gm)].map(([, name]) => name).sort();
  assert.ok(kept.includes("monitoring"), all);
  assert.ok(performance.now() - began < 75_000, `${(performance.now() - began) / 1000} s`);
  assert.deepEqual(
    (await namespaces()).filter((name) => !own.test(name)),
    kept,
  );

  const started = await clone.plumbline(["start", "--stack", "local-full"]);
  assert.equal(started.exitCode, 0, started.all);
  const status = await clone.status();
  assert.equal(status.phase, "running");
  await eventually(
    "the series of before",
    () => seriesAt(status, before),
    (count) => count === 1,
    30,
  );
  // The start has waited for every app: Vault is open again, and shows a certificate that the new authority signed.
  const until = new Date(before * 1000).toISOString();
  assert.ok((await linesOf(status, `namespace:=hello _time:<${until} | limit 1`)).length === 1, "no line of before");
});

test("--delete-data leaves nothing of the platform, volumes included", async () => {
  const { exitCode, all } = await clone.plumbline(["destroy", "--yes", "--delete-data"]);
  assert.equal(exitCode, 0, all);
  assert.deepEqual(
    (await namespaces()).filter((name) => !own.test(name)),
    [],
  );
  assert.equal(await kubectl(["get", "persistentvolumes", "--output", "name"]), "");
});
