import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { charts, Fluentd, type FluentdArgs, fluentd } from "../../../components/index.ts";
import { unknownKeys } from "../../chart.ts";
import { fluentd as all } from "../../chart-cases.ts";
import { golden } from "../../golden.ts";
import { named, ofKind, record } from "./recorder.ts";

const lokiUrl = "http://loki.logs.svc.cluster.local:3100";
const recorded = await record(() => new Fluentd("c", all));
const valuesOf = async (args: FluentdArgs) =>
  ofKind(await record(() => new Fluentd("c", args)), "Chart")[0]?.inputs.values;
const files = ofKind(recorded, "Chart")[0]?.inputs.values.fileConfigs;

describe("the values of Fluentd", () => {
  for (const [title, args] of Object.entries({ defaults: { lokiUrl }, all })) {
    test(`${title}: are those of the golden file, and each is known to the chart`, async () => {
      const values = await valuesOf(args);
      golden(`fluentd-${title}`, values);
      assert.deepEqual(unknownKeys(values, charts.fluentd), []);
    });
  }
  test("an image of one's own has the plug-in already", async () => {
    const values = await valuesOf({ lokiUrl, image: "registry.example.com:5000/fluentd:1.0" });
    assert.deepEqual(values.image, { repository: "registry.example.com:5000/fluentd", tag: "1.0" });
    assert.equal(values.plugins, undefined);
  });
  test("a change of the configuration rolls the pods", async () => {
    const hash = (values: { podAnnotations: Record<string, string> }) =>
      values.podAnnotations["plumbline.dev/configuration"];
    assert.notEqual(hash(await valuesOf({ lokiUrl })), hash(await valuesOf({ lokiUrl, buffer: "2Gi" })));
  });
});

test("each tenant has its files of the node, its header, and its namespaces alone; the rest comes last", () => {
  const outputs = files["04_outputs.conf"] as string;
  const matches = [...outputs.matchAll(/<match (.+)>[\s\S]*?tenant "(.+)"[\s\S]*?path (.+)\n/g)].map(
    ([, ...found]) => found,
  );
  assert.deepEqual(matches, [
    ["/_(?:shop|shop-db)_/", "shop", "/var/lib/fluentd/buffer/shop"],
    ["**", "rest", "/var/lib/fluentd/buffer/rest"],
  ]);
  for (const wanted of ["overflow_action block", "retry_forever true", `total_limit_size ${256 * 2 ** 20}`]) {
    assert.equal(outputs.split(wanted).length, 3, wanted);
  }
});

test("its own lines are nobody's, and a slash does not end the expression of a first line", () => {
  assert.match(files["01_sources.conf"], /exclude_path \["\/var\/log\/containers\/\*_lines_\*\.log"\]/);
  assert.match(files["02_filters.conf"], /multiline_start_regexp \/\^\(\?:\[0-9\]\{4\}\\\/\)\/\n/);
});

test("what is open is the way to Loki, and figures to whoever keeps them", () => {
  const { spec } = named(recorded, "NetworkPolicy", "fluentd");
  assert.deepEqual(spec.egress, [{ ports: [{ protocol: "TCP", port: 443 }] }]);
  assert.equal(spec.ingress[0].ports[0].port, 24231);
});

test("of the slot's address Loki's own way in is made", async () => {
  for (const [way, language] of [
    ["otlp", "logql"],
    ["opentelemetry", "logsql"],
  ] as const) {
    const logs = {
      pushUrl: pulumi.output(`${lokiUrl}/${way}`),
      queryUrl: pulumi.output(lokiUrl),
      language,
      tenant: "rest",
      tenants: [],
    };
    const resources = await record(() => {
      const provider = new k8s.Provider("cluster", {});
      fluentd({ buffer: "64Mi" }).build("c", { cluster: { provider, audiences: [] }, logs }, {});
    });
    const outputs = ofKind(resources, "Chart")[0]?.inputs.values.fileConfigs["04_outputs.conf"];
    assert.ok(outputs.includes(`url "${lokiUrl}"\n`), outputs);
    assert.ok(outputs.includes('tenant "rest"'), outputs);
  }
});

test("everything that is wrong is said together", () => {
  const wrong: FluentdArgs = { lokiUrl: "loki", buffer: "1K", folder: "here", image: "fluentd", firstLine: "(" };
  assert.throws(
    () => new Fluentd("c", wrong),
    ({ message }: Error) => {
      for (const field of ["lokiUrl", "buffer", "folder", "image", "firstLine"])
        assert.match(message, new RegExp(`  ${field}: `));
      return true;
    },
  );
});
