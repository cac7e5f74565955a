// What Prometheus and Alertmanager say of the configuration that we write: their own tools read it, and try every alert.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execa } from "execa";
import { dump, load } from "js-yaml";
import { defaultRules } from "../../../components/metrics/default-alerts.ts";
import { counted } from "../../../components/metrics/metrics.ts";
import { prometheusConfig } from "../../../components/metrics/prometheus-config.ts";
import { alertmanagerConfig, type ReceiverArgs } from "../../../components/metrics/receivers.ts";
import { ruleFile } from "../../../components/metrics/rules.ts";
import { resolve } from "../../../engine/resolve.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-metrics-"));
after(() => rmSync(folder, { recursive: true }));
let promtool: string;
let amtool: string;
before(async () => {
  const found = await resolve(["promtool", "amtool"]);
  promtool = found.get("promtool")?.path ?? "";
  amtool = found.get("amtool")?.path ?? "";
});

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const run = (program: string, args: readonly string[]) =>
  execa(program, args, { cwd: folder, reject: false, all: true });

const key = { name: "tokens", key: "token" };
const receivers: ReceiverArgs[] = [
  { name: "chat", slack: { channel: "#platform", url: key } },
  { name: "pager", severities: ["critical"], pagerDuty: { routingKey: key } },
  {
    name: "mail",
    labels: { team: "shop" },
    repeat: "12h",
    email: { to: "a@example.com", from: "b@example.com", server: "smtp.example.com:587", username: "b", password: key },
  },
  { name: "hook", webhook: { url: key, port: 8443, token: key } },
];

describe("promtool", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a configuration of many forms
  const check = (change: (config: any) => void = () => {}) => {
    // The files of a pod are not here.
    const text = prometheusConfig(
      {
        externalLabels: { cluster: "one" },
        remoteWrite: [{ url: "https://aps.example.com/api/v1/remote_write", region: "eu-central-1" }],
      },
      ["alertmanager-0.alertmanager-peers.monitoring.svc:9093"],
    )
      .replaceAll("/etc/prometheus/config", folder)
      .replaceAll("/var/run/secrets/kubernetes.io/serviceaccount", folder);
    mkdirSync(folder, { recursive: true });
    for (const file of ["ca.crt", "token"]) write(file, "");
    write("rules.yaml", ruleFile(defaultRules));
    const config = load(text);
    change(config);
    return run(promtool, ["check", "config", write("prometheus.yaml", dump(config))]);
  };
  test("reads the configuration and the rules", async () => {
    const { exitCode, all } = await check();
    assert.equal(exitCode, 0, all);
    assert.match(String(all), /SUCCESS: .*prometheus\.yaml is valid/);
    assert.match(String(all), /SUCCESS: \d+ rules found/);
  });
  test("refuses a wrong field", async () => {
    const { exitCode, all } = await check((config) => {
      config.global.scrape_intervall = "30s";
    });
    assert.equal(exitCode, 1);
    assert.match(String(all), /scrape_intervall not found/);
  });
  test("finds no fault with the rules", async () => {
    const { exitCode, all } = await run(promtool, [
      "check",
      "rules",
      "--lint=all",
      "--lint-fatal",
      write("rules.yaml", ruleFile(defaultRules)),
    ]);
    assert.equal(exitCode, 0, all);
  });
});

describe("amtool", () => {
  test("reads the configuration of every kind of receiver", async () => {
    const { exitCode, all } = await run(amtool, [
      "check-config",
      write("alertmanager.yaml", alertmanagerConfig(receivers)),
    ]);
    assert.equal(exitCode, 0, all);
    assert.match(String(all), /5 receivers/);
  });
  test("refuses a wrong field", async () => {
    const text = alertmanagerConfig(receivers).replace("routing_key_file", "routing_key_path");
    const { exitCode, all } = await run(amtool, ["check-config", write("wrong.yaml", text)]);
    assert.equal(exitCode, 1);
    assert.match(String(all), /routing_key_path not found/);
  });
  for (const [labels, told] of [
    [["severity=critical"], "chat,pager,hook"],
    [["severity=warning", "team=shop"], "chat,mail,hook"],
    [["severity=info"], "nobody"],
  ] as const) {
    test(`${labels.join(", ")} is told to ${told}`, async () => {
      const { stdout } = await run(amtool, [
        "config",
        "routes",
        "test",
        `--config.file=${write("routes.yaml", alertmanagerConfig(receivers))}`,
        ...labels,
      ]);
      assert.equal(stdout.trim(), told);
    });
  }
});

/** Series by which an alert fires, and those by which it must not, as promtool writes them; a sample a minute. */
interface Try {
  readonly fires: Readonly<Record<string, string>>;
  readonly silent?: Readonly<Record<string, string>>;
  /** Minutes after which it is looked at. Default: 20. */
  readonly at?: number;
}

const started = (count: number) =>
  Object.fromEntries(
    [...Array(count).keys()].map((id) => [
      `container_start_time_seconds{job="cadvisor",namespace="a",pod="p",container="c",id="${id}"}`,
      "1x60",
    ]),
  );
const volume = (available: string) => ({
  'kubelet_volume_stats_available_bytes{namespace="a",persistentvolumeclaim="v"}': available,
  'kubelet_volume_stats_capacity_bytes{namespace="a",persistentvolumeclaim="v"}': "100x100",
});
const probed = (result: string) =>
  `prober_probe_total{job="probes",probe_type="Readiness",result="${result}",namespace="a",pod="p",container="c"}`;

const tries: Readonly<Record<string, Try>> = {
  NodeDown: { fires: { 'up{job="kubelet",node="n"}': "0x60" }, silent: { 'up{job="kubelet",node="n"}': "0x3 1x60" } },
  NodeMemoryLow: {
    fires: {
      'node_memory_MemAvailable_bytes{job="node-exporter",node="n"}': "4x60",
      'node_memory_MemTotal_bytes{job="node-exporter",node="n"}': "100x60",
    },
    silent: {
      'node_memory_MemAvailable_bytes{job="node-exporter",node="n"}': "6x60",
      'node_memory_MemTotal_bytes{job="node-exporter",node="n"}': "100x60",
    },
  },
  NodeFilesystemFilling: {
    fires: {
      'node_filesystem_avail_bytes{job="node-exporter",node="n",mountpoint="/",fstype="ext4"}': "9x60",
      'node_filesystem_size_bytes{job="node-exporter",node="n",mountpoint="/",fstype="ext4"}': "100x60",
    },
    silent: {
      'node_filesystem_avail_bytes{job="node-exporter",node="n",mountpoint="/run",fstype="tmpfs"}': "9x60",
      'node_filesystem_size_bytes{job="node-exporter",node="n",mountpoint="/run",fstype="tmpfs"}': "100x60",
    },
  },
  PodCrashLooping: { fires: started(4), silent: started(3), at: 10 },
  PodNotReady: {
    fires: { [probed("failed")]: "0+6x60" },
    silent: { [probed("failed")]: "0+1x60", [probed("successful")]: "0+6x60" },
  },
  VolumeFilling: { fires: volume("29-0.1x100"), silent: volume("29x100"), at: 60 },
  VolumeNearlyFull: { fires: volume("9x100"), silent: volume("11x100") },
  CertificateNotReady: {
    fires: { 'certmanager_certificate_ready_status{condition="False",exported_namespace="a",name="c"}': "1x60" },
    silent: { 'certmanager_certificate_ready_status{condition="False",exported_namespace="a",name="c"}': "0x60" },
  },
  CertificateExpiring: {
    fires: { 'certmanager_certificate_renewal_timestamp_seconds{exported_namespace="a",name="c"}': "60x200" },
    silent: { 'certmanager_certificate_renewal_timestamp_seconds{exported_namespace="a",name="c"}': "6000x200" },
    at: 120,
  },
  VaultSealed: {
    fires: { 'vault_core_unsealed{pod="v"}': "0x60" },
    silent: { 'vault_core_unsealed{pod="v"}': "1x60" },
  },
  LinesHeldBack: {
    fires: {
      'otelcol_exporter_queue_size{node="n",exporter="otlp_http/platform"}': "6x60",
      'otelcol_exporter_queue_capacity{node="n",exporter="otlp_http/platform"}': "10x60",
    },
    silent: {
      'otelcol_exporter_queue_size{node="n",exporter="otlp_http/platform"}': "4x60",
      'otelcol_exporter_queue_capacity{node="n",exporter="otlp_http/platform"}': "10x60",
    },
  },
  LinesDropped: {
    fires: { 'vl_rows_dropped_total{namespace="l",pod="v",reason="too_small_timestamp"}': "0+1x60" },
    silent: { 'vl_rows_dropped_total{namespace="l",pod="v",reason="too_small_timestamp"}': "3x60" },
  },
  DeliveryFailing: {
    fires: { [counted("delivery-failed")]: "0+1x60" },
    silent: { [counted("delivery-failed")]: "0 1x60" },
    at: 30,
  },
  DriftFound: {
    // The first one: before it there is no series.
    fires: { [counted("drift")]: "_x20 1x30" },
    silent: { [counted("drift")]: "2x60" },
    at: 22,
  },
  AlertsNotDelivered: {
    fires: { 'alertmanager_notifications_failed_total{integration="slack"}': "0+1x60" },
    silent: { 'alertmanager_notifications_failed_total{integration="slack"}': "3x60" },
  },
  TargetMissing: {
    fires: { 'up{job="pods",instance="i"}': "0x60" },
    silent: { 'up{job="pods",instance="i"}': "1x60" },
  },
  Watchdog: { fires: { anything: "1x60" } },
};

describe("alerts of the platform", () => {
  const names = defaultRules.flatMap(({ alerts = [] }) => alerts.map(({ name }) => name));
  test("each is tried", () => assert.deepEqual(Object.keys(tries).sort(), [...names].sort()));
  for (const [name, { fires, silent, at = 20 }] of Object.entries(tries)) {
    const firing = async (series: Readonly<Record<string, string>>, count: number) => {
      const tests = {
        rule_files: ["rules.yaml"],
        evaluation_interval: "1m",
        tests: [
          {
            interval: "1m",
            input_series: Object.entries(series).map(([each, values]) => ({ series: each, values })),
            promql_expr_test: [
              {
                expr: `count(ALERTS{alertname="${name}",alertstate="firing"})`,
                eval_time: `${at}m`,
                exp_samples: count > 0 ? [{ labels: "{}", value: count }] : [],
              },
            ],
          },
        ],
      };
      write("rules.yaml", ruleFile(defaultRules));
      return run(promtool, ["test", "rules", write(`${name}.yaml`, dump(tests))]);
    };
    test(`${name} fires`, async () => {
      const { exitCode, all } = await firing(fires, 1);
      assert.equal(exitCode, 0, all);
    });
    if (silent) {
      test(`${name} stays silent`, async () => {
        const { exitCode, all } = await firing(silent, 0);
        assert.equal(exitCode, 0, all);
      });
    }
  }
});
