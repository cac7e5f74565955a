import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { singleApps } from "../../../components/settings.ts";
import { definitionOf } from "../../../policies/stack.ts";
import { loadFleet, loadStack, stackNames } from "../../../stacks/shared/load.ts";

const folder = join(import.meta.dirname, "..", "..", "..", "stacks");

test("the stacks are the files of the folder", () => {
  const names = stackNames();
  assert.ok(names.includes("local") && names.includes("existing"));
  assert.ok(!names.includes("index") && !names.includes("shared"));
});

test("the stack local is data, read without a cluster", async () => {
  const { settings, layers } = await loadStack("local");
  assert.equal(settings.name, "local");
  assert.deepEqual(settings.git, { url: "http://10.88.0.1:3000/platform.git", branch: "main" });
  assert.equal(settings.cluster.implementation, "embedded");
  assert.equal(layers.agent?.implementation, "flux");
  assert.deepEqual(
    singleApps(settings).map(({ name, source, expose }) => ({ name, source, expose })),
    [{ name: "hello", source: { path: "apps/hello" }, expose: { service: "hello", port: 80 } }],
  );
});

test("the stack production makes its cluster at AWS, with what a review asks for as it comes", async () => {
  const { settings, layers } = await loadStack("production");
  assert.deepEqual([settings.cluster.implementation, settings.protected], ["eks", true]);
  assert.deepEqual(Object.keys(layers).sort(), ["agent", "certificates", "ingress", "logs", "metrics"]);
});

test("the stack staging has the apps of production, from a branch of its own", async () => {
  const [staging, production] = [(await loadStack("staging")).settings, (await loadStack("production")).settings];
  const files = ({ apps }: Pick<typeof staging, "apps">) =>
    singleApps({ apps }).map(({ name, source }) => [name, source]);
  assert.deepEqual(files(staging), files(production));
  assert.deepEqual(
    [staging.git, production.git].map(({ url, branch }) => [url, branch]),
    [
      ["https://git.example.com/platform.git", "staging"],
      ["https://git.example.com/platform.git", "main"],
    ],
  );
});

test("the stack existing takes its cluster and repository from the configuration", async () => {
  pulumi.runtime.setAllConfig({ "plumbline:git": "https://git.example/p.git", "plumbline:branch": "trunk" });
  const { settings } = await loadStack("existing");
  assert.deepEqual(settings.git, { url: "https://git.example/p.git", branch: "trunk" });
  assert.equal(settings.cluster.implementation, "existing");
});

test("the stack existing without a repository says which field is missing", async () => {
  pulumi.runtime.setAllConfig({});
  await assert.rejects(loadStack("existing"), {
    message:
      /^stacks\/existing\.ts: 1 problem\n {2}stacks\/existing\.ts: settings\.git\.url: found ""; allowed: an http/,
  });
});

test("an unknown stack is an error that lists those there are", async () => {
  await assert.rejects(loadStack("nowhere"), {
    message: /found "nowhere"; allowed: the name of a file in stacks\/: .*existing, fleet, local/,
  });
  await assert.rejects(loadStack("../local"), /allowed: the name of a file/);
});

test("a member of a fleet is a stack: its file, a dot, its name", async () => {
  const { settings } = await loadStack("fleet.us-1");
  assert.deepEqual([settings.name, settings.git.branch], ["us-1", "fleet/rest"]);
  assert.deepEqual((await definitionOf("fleet.us-1"))?.settings.git, settings.git);
});

test("a fleet itself, an unknown member and a member of a platform are no stacks", async () => {
  const members = "allowed: a member of the fleet: fleet.eu-1, fleet.eu-2, fleet.us-1, fleet.ap-1";
  await assert.rejects(loadStack("fleet"), { message: new RegExp(`stack: found "fleet"; ${members}`) });
  await assert.rejects(loadStack("fleet.mars"), { message: new RegExp(`stack: found "fleet.mars"; ${members}`) });
  await assert.rejects(loadStack("local.eu-1"), {
    message: /found "local.eu-1"; allowed: local: the file declares one/,
  });
  await assert.rejects(loadFleet("local"), { message: /stacks\/local\.ts: default export: .*allowed: fleet\(/ });
});

const broken = join(folder, "unit-test-broken.ts");
afterEach(() => rmSync(broken, { force: true }));

test("a stack that declares no platform says what it should", async () => {
  writeFileSync(broken, "export default { name: 'x' };\n");
  await assert.rejects(loadStack("unit-test-broken"), {
    message: /stacks\/unit-test-broken\.ts: default export: found {"name":"x"}; allowed: definePlatform/,
  });
});
