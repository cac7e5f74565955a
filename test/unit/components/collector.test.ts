import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "js-yaml";
import {
  definePlatform,
  embedded,
  externalLogs,
  loki,
  OtelCollector,
  otelCollector,
  prometheus,
} from "../../../components/index.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const args = {
  pushUrl: "http://loki.logs.svc.cluster.local:3100/otlp",
  tenants: [{ name: "shop", namespaces: ["shop", "shop-db"] }],
  firstLine: "[0-9]{4}-",
  buffer: "256Mi",
  folder: "/srv/lines",
};
const recorded = await record(() => new OtelCollector("c", args));
// biome-ignore lint/suspicious/noExplicitAny: a configuration
const configOf = (resources: readonly Declared[]): any =>
  load(named(resources, "ConfigMap", "otel-collector").data["collector.yaml"]);
const config = configOf(recorded);
const pod = named(recorded, "DaemonSet", "otel-collector").spec.template.spec;

test("each tenant has its files, its queue and its header; its own lines are nobody's", () => {
  const { platform, shop } = Object.fromEntries(
    Object.entries<{ include: string[]; exclude: string[] }>(config.receivers).map(([name, { include, exclude }]) => [
      name.replace("file_log/", ""),
      { include, exclude },
    ]),
  );
  assert.deepEqual(shop?.include, ["/var/log/pods/shop_*/*/*.log*", "/var/log/pods/shop-db_*/*/*.log*"]);
  assert.deepEqual(platform?.include, ["/var/log/pods/*_*/*/*.log*"]);
  for (const excluded of ["shop", "shop-db", "logs-collector"]) {
    assert.ok(platform?.exclude.includes(`/var/log/pods/${excluded}_*/*/*.log*`), excluded);
  }
  assert.equal(config.exporters["otlp_http/shop"].headers["X-Scope-OrgID"], "shop");
  assert.equal(config.exporters["otlp_http/platform"].headers["X-Scope-OrgID"], "platform");
  assert.deepEqual(config.service.pipelines["logs/shop"], {
    receivers: ["file_log/shop"],
    processors: ["memory_limiter", "k8s_attributes", "transform"],
    exporters: ["otlp_http/shop"],
  });
});

test("nothing is given up: tried again without end, held on the node's disk, and then not read", () => {
  const { retry_on_failure: again, sending_queue: queue } = config.exporters["otlp_http/platform"];
  assert.equal(again.max_elapsed_time, "0s");
  assert.equal(queue.storage, "file_storage");
  assert.equal(queue.queue_size, 256 * 2 ** 20);
  assert.equal(queue.block_on_overflow, true);
  const read = config.receivers["file_log/platform"];
  assert.equal(read.storage, "file_storage");
  assert.equal(read.start_at, "beginning");
  assert.deepEqual(read.retry_on_failure, { enabled: true, max_elapsed_time: "0s" });
  assert.equal(config.extensions.file_storage.directory, "/var/lib/otelcol");
  assert.deepEqual(pod.volumes.at(-1).hostPath, { path: "/srv/lines", type: "DirectoryOrCreate" });
  assert.ok(pod.containers[0].args.includes("--feature-gates=stanza.synchronousLogEmitter"));
});

test("entries begin as the stack says, behind what the container runtime writes before each line", () => {
  const { line_start_pattern: pattern } = config.receivers["file_log/platform"].multiline;
  const first = new RegExp(pattern, "m");
  assert.match("2026-01-01T00:00:00.000000001Z stdout F 2026-01-01 an entry", first);
  assert.doesNotMatch("2026-01-01T00:00:00.000000001Z stdout F \tat a.b.C(D.java:1)", first);
});

test("without a word about it, white space and a cause go on with the entry before", async () => {
  const resources = await record(() => new OtelCollector("c", { pushUrl: args.pushUrl }));
  const first = new RegExp(configOf(resources).receivers["file_log/platform"].multiline.line_start_pattern, "m");
  for (const [line, begins] of [
    ["java.lang.IllegalStateException: no", true],
    ["\tat a.b.C(D.java:1)", false],
    ["Caused by: java.io.IOException", false],
    ["Connected", true],
    ["Catching up", true],
    ['{"level":"INFO"}', true],
  ] as const) {
    assert.equal(first.test(`2026-01-01T00:00:00.000000001Z stderr F ${line}`), begins, line);
  }
});

test("it reads files of the node and pods of the API, and may write one folder", () => {
  assert.deepEqual(named(recorded, "ClusterRole", "plumbline:otel-collector").rules, [
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  ]);
  const [container] = pod.containers;
  assert.deepEqual(
    container.volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => !readOnly),
    [{ name: "state", mountPath: "/var/lib/otelcol" }],
  );
  assert.deepEqual(container.securityContext.capabilities, { drop: ["ALL"] });
  assert.equal(ofKind(recorded, "Service").length, 0);
  const { egress } = named(recorded, "NetworkPolicy", "otel-collector").spec;
  assert.deepEqual(egress, [{ ports: [{ protocol: "TCP", port: 3100 }] }]);
});

test("a platform's lines go where its logs are, to the tenants that those have", async () => {
  const lines = {
    logs: externalLogs({ pushUrl: "https://l.example.com/otlp", queryUrl: "https://l.example.com", tenant: "us" }),
  };
  const settings = {
    name: "p",
    git: { url: "https://git.example.com/p.git", branch: "main" },
    cluster: embedded(),
    apps: [],
  };
  const { layers, settings: checked } = definePlatform(settings, { ...lines, collector: otelCollector() });
  assert.deepEqual(
    checked.exemptions?.map(({ rule, object }) => `${rule} ${object.namespace}/${object.name}`),
    ["volume-types", "non-root", "non-root-user"].map((rule) => `${rule} logs-collector/otel-collector`),
  );
  const declared = await record(() => {
    const logs = layers.logs?.build("p-logs", {} as never, {});
    layers.collector?.build("p-collector", { cluster: {}, logs } as never, {});
  });
  const { exporters } = configOf(declared);
  assert.deepEqual(Object.keys(exporters), ["otlp_http/us"]);
  assert.equal(exporters["otlp_http/us"].endpoint, "https://l.example.com/otlp");
  // @ts-expect-error: lines without anybody who keeps them
  assert.throws(() => definePlatform(settings, { collector: otelCollector() }), /layers\.logs: found nothing/);
  assert.doesNotThrow(() =>
    definePlatform(settings, { logs: loki(), metrics: prometheus(), collector: otelCollector() }),
  );
});

test("everything that is wrong is said at once, before anything is declared", () => {
  const fields = (wrong: ConstructorParameters<typeof OtelCollector>[1]) => {
    try {
      new OtelCollector("c", wrong);
    } catch (error) {
      return (error as { problems: { field: string }[] }).problems.map(({ field }) => field).sort();
    }
    return assert.fail("nothing was refused");
  };
  assert.deepEqual(
    fields({
      pushUrl: "loki:3100",
      firstLine: "(?=\\d)",
      buffer: "1Ki",
      folder: "lines",
      tenants: [{ name: "a b", namespaces: [] }],
    }),
    ["buffer", "firstLine", "folder", "pushUrl", "tenants.0.name", "tenants.0.namespaces"],
  );
  assert.deepEqual(
    fields({
      pushUrl: args.pushUrl,
      tenants: [
        { name: "platform", namespaces: ["shop"] },
        { name: "shop", namespaces: ["shop"] },
      ],
    }),
    ["tenants.0.name", "tenants.0.namespaces", "tenants.1.namespaces"],
  );
});
