// What does a cluster make of Harbor's objects? Keys that are made once, that stand nowhere else, and that outlive the layer.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { load } from "js-yaml";
import type { HarborArgs } from "../../components/index.ts";
import { root } from "../../engine/folders.ts";
import { type ChartPlace, recordingChart, serveCharts } from "../chart.ts";
import { programOn, type TestProgram } from "../program.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";

const chart = recordingChart("harbor", "1.0.0");

let api: ApiServer;
let place: ChartPlace;
const programs: TestProgram[] = [];
before(async () => {
  place = await serveCharts([chart]);
  api = await startApiServer([], { bootstrap: { user: "bootstrap", groups: ["system:masters"] } });
});
after(async () => {
  for (const program of programs) await program.remove();
  await api?.stop();
  await place?.stop();
});

const program = async (more: Partial<HarborArgs>): Promise<TestProgram> => {
  const args: HarborArgs = {
    host: "harbor.example.com",
    certificate: "harbor-tls",
    robots: [{ name: "ci", projects: ["library"], push: true }],
    chart: { version: chart.version, digest: chart.digest, mirror: place.http },
    ...more,
  };
  const made = await programOn({
    files: ["test/e2e/harbor-program.ts"],
    kubeconfig: api.kubeconfig("bootstrap"),
    environment: { HARBOR: JSON.stringify(args) },
  });
  programs.push(made);
  return made;
};

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
const read = async (kind: string, ...names: string[]): Promise<any> => {
  const asked = ["--kubeconfig", api.kubeconfig("bootstrap"), "--namespace", "harbor", "get", kind, ...names];
  const { stdout } = await execa(api.kubectl, [...asked, "--output", "json"]);
  return JSON.parse(stdout);
};

const plain = (text: string): string => Buffer.from(text, "base64").toString();

test("keys are made once, reach the chart by name alone, and no program overwrites those of an earlier layer", async () => {
  const first = await program({});
  await first.up();
  const keys = await read("secret", "harbor-keys");
  const { data } = await read("configmap", "harbor-values");
  assert.deepEqual(
    JSON.parse(data["values.json"]),
    load(readFileSync(join(root, "test", "golden", "harbor-alone.yaml"), "utf8")),
  );

  const { same, printed } = await first.preview();
  assert.ok(same, printed);
  const robot = await read("secret", "harbor-robot-ci");
  const login = await read("secret", "robot-ci");
  const { auths } = JSON.parse(plain(login.data[".dockerconfigjson"]));
  assert.equal(auths["harbor.example.com"].password, plain(robot.data.password));

  // The state, the program's output and the objects that everybody may read.
  const secret = [...Object.values<string>(keys.data), robot.data.password];
  const jobs = JSON.stringify([data, await read("jobs"), await read("configmaps")]);
  const files = globSync(join(root, ".plumbline", "program-*", "state", "**", "*.json"));
  assert.ok(files.length > 0);
  for (const text of [jobs, printed, ...files.map((file) => readFileSync(file, "utf8"))]) {
    for (const value of secret) {
      assert.ok(!text.includes(value) && !text.includes(plain(value)), "a key stands where others read it");
    }
  }

  // Another stack is what a layer is that comes back: it knows nothing of the one before.
  const again = await program({});
  await assert.rejects(again.up(), /harbor-keys.*field is immutable/s);
  assert.deepEqual((await read("secret", "harbor-keys")).data, keys.data);
  const restored = await program({ keys: "harbor-keys" });
  await restored.up();
  assert.deepEqual((await read("secret", "harbor-keys")).data, keys.data);
});
