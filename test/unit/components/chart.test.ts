import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { type ChartInstallation, installChart, knownValues, vendorChart } from "../../../components/chart.ts";
import { archiveFolder, chartArchive } from "../../../components/chart-archive.ts";
import { charts } from "../../../components/chart-versions.ts";
import { InvalidDeclaration } from "../../../components/index.ts";
import { cacheFolder } from "../../../engine/folders.ts";
import { type ChartPlace, makeChart, serveCharts } from "../../chart.ts";
import { named, ofKind, record } from "./recorder.ts";

describe("an archive", () => {
  const chart = makeChart("made", "1.2.3", { "nothing.yaml": "" });
  const other = makeChart("other", "1.2.3", { "nothing.yaml": "# other" });
  const { name, version, digest } = chart;
  const ambient = process.env.PLUMBLINE_CACHE;
  let place: ChartPlace;
  let cache: string;
  before(async () => {
    place = await serveCharts([chart, other]);
  });
  after(async () => {
    await place.stop();
    if (ambient === undefined) delete process.env.PLUMBLINE_CACHE;
    else process.env.PLUMBLINE_CACHE = ambient;
  });
  beforeEach((context) => {
    cache = mkdtempSync(join(tmpdir(), "plumbline-cache-"));
    process.env.PLUMBLINE_CACHE = cache;
    if ("after" in context) context.after(() => rmSync(cache, { recursive: true }));
  });
  const from = (address: string) => chartArchive({ name, version, digest, address });

  test("lies in the cache folder that the rest of the project names", () => {
    assert.equal(archiveFolder(), join(cacheFolder(), "charts"));
  });
  test("is fetched once over HTTP", async () => {
    const before = place.asked.length;
    const path = await from(`${place.http}/made-1.2.3.tgz`);
    assert.deepEqual(readFileSync(path), chart.bytes);
    assert.equal(await from(`${place.http}/made-1.2.3.tgz`), path);
    assert.deepEqual(place.asked.slice(before), ["/mirror/made-1.2.3.tgz"]);
    assert.equal(readdirSync(archiveFolder()).length, 1);
  });
  test("is a blob of an OCI registry, which gives anyone a token", async () => {
    assert.deepEqual(readFileSync(await from(`${place.oci}/made`)), chart.bytes);
  });
  test("that is another than the pinned one is refused and not kept", async () => {
    await assert.rejects(from(`${place.http}/other-1.2.3.tgz`), {
      message: new RegExp(`digest sha256:${other.digest}, pinned is sha256:${digest}`),
    });
    assert.deepEqual(readdirSync(cache), []);
  });
  test("that was changed in the cache is fetched again", async () => {
    const path = await from(`${place.http}/made-1.2.3.tgz`);
    writeFileSync(path, other.bytes);
    assert.deepEqual(readFileSync(await from(`${place.http}/made-1.2.3.tgz`)), chart.bytes);
  });
  for (const [title, address, reason] of [
    ["is not there", () => `${place.http}/no-such-chart.tgz`, "it answers 404 Not Found"],
    ["is in no such registry", () => `${place.oci}/none`, "it answers 404 Not Found"],
    ["is where nobody answers", () => "http://127.0.0.1:1/made.tgz", "bad port"],
  ] as const) {
    test(`that ${title} says so, and the way out`, async () => {
      await assert.rejects(from(address()), ({ message }: Error) => {
        assert.ok(message.startsWith(`chart made 1.2.3 cannot be fetched from ${address()}: ${reason}`), message);
        assert.match(message, /`chart\.mirror` names another place/);
        return true;
      });
    });
  }
});

describe("the values of a chart", () => {
  test("are what their Outputs hold", async () => {
    const values = {
      a: pulumi.output({ b: [pulumi.output(1), "x"] }),
      c: undefined,
      d: null,
      e: Promise.resolve(true),
    };
    assert.deepEqual(await knownValues("chart", values), { a: { b: [1, "x"] }, d: null, e: true });
  });
  test("that are unknown or secret are refused, each by its name", async () => {
    // What a preview makes of the output of a resource that is not there yet.
    const unknown = pulumi.output(pulumi.unknown);
    const values = { url: unknown, login: { password: pulumi.secret("x") }, list: [{ deep: unknown }], fine: 1 };
    await assert.rejects(knownValues("chart x of y", values), (error: unknown) => {
      assert.ok(error instanceof InvalidDeclaration);
      assert.deepEqual(error.problems.map(({ field, value }) => `${field}: ${value}`).sort(), [
        "values.list[0].deep: not known yet",
        "values.login.password: a secret",
        "values.url: not known yet",
      ]);
      return true;
    });
  });
});

describe("an installed chart", () => {
  const installation: ChartInstallation = {
    chart: charts["ingress-nginx"],
    from: undefined,
    namespace: "edge",
    slot: "ingress",
    release: "edge",
    values: { controller: { kind: "Deployment" } },
    transform: (values) => ({ ...values, more: true }),
  };
  test("stands in a layer's namespace, with what the transform made of its values", async () => {
    const declared = await record(() => installChart("i", installation, {}));
    assert.equal(named(declared, "Namespace", "edge").metadata.labels["plumbline.dev/slot"], "ingress");
    const [chart] = ofKind(declared, "Chart");
    assert.deepEqual(chart?.inputs, {
      chart: "ingress-nginx-4.15.1.tgz",
      name: "edge",
      namespace: "edge",
      values: { controller: { kind: "Deployment" }, more: true },
    });
  });
});

test("another version comes with its digest, and a mirror is an address", () => {
  const wrong = (value: unknown) => vendorChart.safeParse(value).error?.issues.map(({ path }) => path.join("."));
  assert.deepEqual(wrong({ version: "4.15.0" }), ["digest"]);
  assert.deepEqual(wrong({ digest: "a".repeat(64) }), ["digest"]);
  assert.deepEqual(wrong({ version: "latest", digest: "abc", mirror: "registry.example.com" }), [
    "version",
    "digest",
    "mirror",
  ]);
  assert.equal(wrong({ version: "4.15.0", digest: "a".repeat(64), mirror: "oci://registry.example.com/m" }), undefined);
});

test("every chart is pinned by version and digest, and says when it was released", () => {
  for (const { name, archive, version, digest, released } of Object.values(charts)) {
    assert.match(digest, /^[0-9a-f]{64}$/, name);
    assert.match(version, /^v?\d+\.\d+\.\d+$/, name);
    assert.match(archive, /^https:\/\/\S*\{version\}\S*\.tgz$/, name);
    assert.ok(Date.parse(released) < Date.now(), `${name} ${released}`);
  }
});
