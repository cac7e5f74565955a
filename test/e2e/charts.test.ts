// Do the values of a layer reach its chart, and is nothing else installed than what was reviewed? The real provider renders.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { load } from "js-yaml";
import { root } from "../../engine/folders.ts";
import { type ChartPlace, makeChart, recordingChart, serveCharts } from "../chart.ts";
import { programOn, type TestProgram } from "../program.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";

const chart = recordingChart("ingress-nginx", "1.0.0");
const empty = makeChart("ingress-nginx", "2.0.0", { "nothing.yaml": "{{/* */}}" });
const ingressNginx = {
  namespace: "edge",
  ingressClass: "edge",
  size: "ha",
  serviceType: "NodePort",
  serviceAnnotations: { "example.com/kind": "nlb" },
  mirror: "registry.example.com/mirror/",
};

let api: ApiServer;
let place: ChartPlace;
const programs: TestProgram[] = [];
before(async () => {
  place = await serveCharts([chart, empty]);
  api = await startApiServer([], { bootstrap: { user: "bootstrap", groups: ["system:masters"] } });
});
after(async () => {
  for (const program of programs) await program.remove();
  await api?.stop();
  await place?.stop();
});

const program = async (asked: object): Promise<TestProgram> => {
  const made = await programOn({
    file: "test/e2e/chart-program.ts",
    kubeconfig: api.kubeconfig("bootstrap"),
    environment: { CHARTS: JSON.stringify({ ingressNginx, ...asked }) },
  });
  programs.push(made);
  return made;
};
const source = ({ version, digest } = chart) => ({ version, digest, mirror: place.oci });

test("the values reach the chart as the golden file has them, in a preview already", async () => {
  const { up, declared, preview } = await program({ from: source() });
  const values = async () => {
    const found = (await declared()).find(
      ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "edge-values",
    );
    assert.equal(found?.metadata.namespace, "edge");
    return JSON.parse(found?.data["values.json"]);
  };
  const wanted = load(readFileSync(join(root, "test", "golden", "ingress-nginx-all.yaml"), "utf8"));
  assert.deepEqual(await values(), wanted);
  await up();
  const { same, printed } = await preview();
  assert.ok(same, printed);
});

test("another archive than the pinned one is refused", async () => {
  const { up } = await program({ from: { ...source(), digest: empty.digest, mirror: place.http } });
  await assert.rejects(up(), new RegExp(`has the digest sha256:${chart.digest}, pinned is sha256:${empty.digest}`));
});

test("a value that a preview does not know is an error that names it", async () => {
  const { declared } = await program({ from: source(), unknown: true });
  await assert.rejects(
    declared(),
    /chart ingress-nginx of ingress: 1 problem.*values\.later\.id: found .*not known yet/s,
  );
});

test("a chart that renders nothing is an error", async () => {
  const { up } = await program({ from: source(empty) });
  await assert.rejects(up(), /resources: found .*; allowed: a chart that renders objects/);
});
