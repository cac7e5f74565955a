import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "js-yaml";
import { definePlatform, ExternalMetrics, embedded, flux, Prometheus, prometheus } from "../../../components/index.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const alert = {
  name: "ShopFails",
  expr: "rate(shop_errors_total[5m]) > 0",
  severity: "critical",
  summary: "Orders fail",
};
const single = await record(() => new Prometheus("m", { alerts: [alert], storage: "10Gi", retention: "7d" }));
const ha = await record(
  () =>
    new Prometheus("m", {
      size: "ha",
      namespace: "figures",
      storageClass: "fast",
      verifyKubelets: false,
      receivers: [{ name: "hook", webhook: { url: { name: "hook", key: "url" }, port: 8443 } }],
    }),
);
const container = (resources: readonly Declared[], name: string) =>
  named(resources, "StatefulSet", name).spec.template.spec.containers[0];
// biome-ignore lint/suspicious/noExplicitAny: configurations of many forms
const file = (resources: readonly Declared[], name: string, of: string): any =>
  load(named(resources, "ConfigMap", name).data[of]);

test("figures are kept as long and in as much room as the stack says", () => {
  const { args } = container(single, "prometheus");
  assert.ok(args.includes("--storage.tsdb.retention.time=7d"));
  // Four fifths of the volume: what is being written needs room beside what is kept.
  assert.ok(args.includes("--storage.tsdb.retention.size=8192MB"));
  const [claim] = named(single, "StatefulSet", "prometheus").spec.volumeClaimTemplates;
  assert.equal(claim.spec.resources.requests.storage, "10Gi");
  assert.equal(claim.spec.storageClassName, undefined);
  assert.equal(named(ha, "StatefulSet", "prometheus").spec.volumeClaimTemplates[0].spec.storageClassName, "fast");
});

test("every Alertmanager is told of every alert, and they tell each other", () => {
  const [{ static_configs }] = file(ha, "prometheus", "prometheus.yaml").alerting.alertmanagers;
  assert.deepEqual(
    static_configs[0].targets,
    [0, 1, 2].map((index) => `alertmanager-${index}.alertmanager-peers.figures.svc:9093`),
  );
  const { args, ports } = container(ha, "alertmanager");
  assert.equal(args.filter((each: string) => each.startsWith("--cluster.peer=")).length, 3);
  assert.ok(ports.some(({ containerPort }: { containerPort: number }) => containerPort === 9094));
  assert.ok(container(single, "alertmanager").args.includes("--cluster.listen-address="));
});

test("a stack's alert stands beside those of the platform", () => {
  const { groups } = file(single, "prometheus", "rules.yaml");
  const alerts = groups.flatMap(({ rules }: { rules: { alert?: string }[] }) => rules.map((rule) => rule.alert));
  assert.ok(alerts.includes("ShopFails") && alerts.includes("Watchdog"));
});

test("a receiver's secret is mounted, not copied, and its port is opened", () => {
  assert.equal(ofKind(ha, "Secret").length, 0);
  const pod = named(ha, "StatefulSet", "alertmanager").spec.template.spec;
  const [, mounted] = pod.volumes;
  assert.deepEqual(mounted.secret, { secretName: "hook", optional: true, defaultMode: 0o440 });
  const [hook] = file(ha, "alertmanager", "alertmanager.yaml").receivers.slice(1);
  assert.equal(hook.webhook_configs[0].url_file, "/etc/alertmanager/secrets/hook/url");
  assert.ok(
    pod.containers[0].volumeMounts.some(
      ({ mountPath }: { mountPath: string }) => mountPath === "/etc/alertmanager/secrets/hook",
    ),
  );
  const egress = named(ha, "NetworkPolicy", "alertmanager").spec.egress.flatMap(
    ({ ports }: { ports: unknown[] }) => ports,
  );
  assert.ok(egress.some(({ port }: { port: number }) => port === 8443));
});

test("Prometheus reads figures and where they are, and nothing that is secret", () => {
  const { rules } = named(single, "ClusterRole", "plumbline:prometheus");
  for (const { verbs, resources = [] } of rules) {
    assert.ok(verbs.every((verb: string) => ["get", "list", "watch"].includes(verb)));
    assert.ok(!resources.includes("secrets") && !resources.includes("configmaps"));
  }
});

test("kubelets are verified unless the stack says that they cannot be", () => {
  const tls = (resources: readonly Declared[]) =>
    file(resources, "prometheus", "prometheus.yaml").scrape_configs.find(
      ({ job_name }: { job_name: string }) => job_name === "kubelet",
    ).tls_config;
  assert.ok(tls(single).ca_file);
  assert.deepEqual(tls(ha), { insecure_skip_verify: true });
});

test("the layer says which rules its pods cannot keep, and the platform takes that over", () => {
  const { settings } = definePlatform(
    { name: "p", git: { url: "https://git.example.com/p.git", branch: "main" }, cluster: embedded(), apps: [] },
    { agent: flux(), metrics: prometheus() },
  );
  assert.deepEqual(
    settings.exemptions?.map(({ rule, object }) => `${rule} ${object.namespace}/${object.name}`),
    ["host-namespaces", "host-ports", "volume-types"].map((rule) => `${rule} monitoring-nodes/node-exporter`),
  );
});

test("everything that is wrong is said at once, before anything is declared", () => {
  assert.throws(
    () =>
      new Prometheus("m", {
        size: "three" as never,
        storage: "10",
        interval: "10m",
        retention: "a while",
        alerts: [{ ...alert, expr: "rate(shop_errors_total[5m) > 0" }],
        receivers: [{ name: "r" }],
      }),
    ({ problems }: { problems: { field: string; allowed: string }[] }) => {
      assert.deepEqual(problems.map(({ field }) => field).sort(), [
        "alerts.0.expr",
        "interval",
        "receivers.0",
        "retention",
        "size",
        "storage",
      ]);
      assert.match(problems.find(({ field }) => field === "alerts.0.expr")?.allowed ?? "", /PromQL; it is none from/);
      return true;
    },
  );
  assert.throws(
    () => new Prometheus("m", { alerts: [alert, alert, { ...alert, name: "Watchdog" }] }),
    /alerts\.1: found "ShopFails"; .*alerts\.0 has this one\n.*alerts\.2: found "Watchdog"; .*a rule of the platform/,
  );
  assert.throws(() => new ExternalMetrics("m", { queryUrl: "prometheus:9090" }), /queryUrl: found "prometheus:9090"/);
});
