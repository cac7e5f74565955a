// Do the values of a layer reach its chart, and is nothing else installed than what was reviewed? The real provider renders.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { load } from "js-yaml";
import { capabilitiesOf } from "../../commands/capabilities.ts";
import { knownCapabilities } from "../../components/delivery/cluster-capabilities.ts";
import { lockText, readLock } from "../../components/delivery/lock.ts";
import { root } from "../../engine/folders.ts";
import { type ChartPlace, type MadeChart, makeChart, recordingChart, serveCharts } from "../chart.ts";
import { programOn, type TestProgram } from "../program.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";

/** Layers by the name of their chart, and the namespace that their test gives them. */
const layers = {
  "ingress-nginx": "edge",
  "external-secrets": "stores",
  fluentd: "lines",
  grafana: "boards",
  traefik: "front",
};
const [chart, ...others] = Object.keys(layers).map((name) => recordingChart(name, "1.0.0")) as [
  MadeChart,
  ...MadeChart[],
];
const certManager = recordingChart("cert-manager", "1.0.0");
const empty = makeChart("ingress-nginx", "2.0.0", { "nothing.yaml": "{{/* */}}" });

let api: ApiServer;
let place: ChartPlace;
const programs: TestProgram[] = [];
before(async () => {
  place = await serveCharts([chart, ...others, certManager, empty]);
  api = await startApiServer([], { bootstrap: { user: "bootstrap", groups: ["system:masters"] } });
});
after(async () => {
  for (const program of programs) await program.remove();
  await api?.stop();
  await place?.stop();
});

const program = async (asked: object): Promise<TestProgram> => {
  const made = await programOn({
    files: ["test/e2e/chart-program.ts"],
    kubeconfig: api.kubeconfig("bootstrap"),
    environment: { CHARTS: JSON.stringify(asked) },
  });
  programs.push(made);
  return made;
};
const source = ({ name, version, digest } = chart) => ({ [name]: { version, digest, mirror: place.oci } });

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
const sameAsGolden = (objects: readonly any[], name: string, namespace: string): void => {
  const found = objects.find(
    ({ kind, metadata }) => kind === "ConfigMap" && metadata.namespace === namespace && /-values$/.test(metadata.name),
  );
  const wanted = load(readFileSync(join(root, "test", "golden", `${name}-all.yaml`), "utf8"));
  assert.deepEqual(JSON.parse(found?.data["values.json"]), wanted, name);
};

test("the values reach each chart as its golden file has them, in a preview already", async () => {
  const { up, declared, preview } = await program({ from: Object.assign({}, ...[chart, ...others].map(source)) });
  const objects = await declared();
  for (const [name, namespace] of Object.entries(layers)) sameAsGolden(objects, name, namespace);
  await up();
  const { same, printed } = await preview();
  assert.ok(same, printed);
});

// Its issuer is of a kind that the chart brings, so that no cluster takes it with a chart that only records.
test("the values reach the chart of cert-manager, in a preview", async () => {
  const { declared } = await program({ from: source(certManager) });
  sameAsGolden(await declared(), "cert-manager", "signers");
});

test("another archive than the pinned one is refused", async () => {
  const { up } = await program({
    from: { [chart.name]: { version: chart.version, digest: empty.digest, mirror: place.http } },
  });
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

test("what the cluster is able to is written into the lock file, and charts that are rendered without a cluster find it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-cluster-"));
  const before = process.env.PLUMBLINE_LOCK;
  process.env.PLUMBLINE_LOCK = join(folder, "stack.lock.yaml");
  try {
    assert.equal(await knownCapabilities(), undefined);
    const cluster = await capabilitiesOf(api.kubeconfig("bootstrap"));
    assert.match(cluster.kubeVersion, /^v1\.\d+\.\d+/);
    for (const one of ["v1", "v1/Pod", "apps/v1", "apps/v1/Deployment", "networking.k8s.io/v1/Ingress"])
      assert.ok(cluster.apiVersions.includes(one), one);
    assert.ok(!cluster.apiVersions.some((each) => each.endsWith("/Scale")), "subresources are no kinds");
    const text = lockText({ bases: [], files: [], charts: [], cluster });
    writeFileSync(process.env.PLUMBLINE_LOCK, text);
    assert.deepEqual(await knownCapabilities(), cluster);
    assert.equal(lockText(await readLock()), text);
  } finally {
    if (before === undefined) delete process.env.PLUMBLINE_LOCK;
    else process.env.PLUMBLINE_LOCK = before;
    rmSync(folder, { recursive: true });
  }
});
