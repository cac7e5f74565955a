// What Prometheus' own tool says of the queries of the dashboards: it reads each as it is asked while somebody looks.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { dump } from "js-yaml";
import { withValues } from "../../../components/dashboards/board.ts";
import { defaultBoards } from "../../../components/dashboards/default-boards.ts";
import { resolve } from "../../../engine/resolve.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-dashboards-"));
after(() => rmSync(folder, { recursive: true }));
let promtool = "";
before(async () => {
  promtool = (await resolve(["promtool"])).get("promtool")?.path ?? "";
});

const queries = defaultBoards.flatMap(({ name, rows }) =>
  rows.flatMap(({ panels }) =>
    panels
      .filter(({ source = "prometheus" }) => source === "prometheus")
      .flatMap(({ title, queries: asked }) =>
        asked.map(({ expr }) => ({ panel: `${name}: ${title}`, expr: withValues(expr, { namespace: "shop" }) })),
      ),
  ),
);

// As recording rules, one each: their labels say in an error which panel it is.
const check = (asked: readonly { panel: string; expr: string }[]) => {
  const rules = asked.map(({ panel, expr }, index) => ({ record: `panel:${index}`, expr, labels: { panel } }));
  const path = join(folder, "panels.yaml");
  writeFileSync(path, dump({ groups: [{ name: "panels", rules }] }, { lineWidth: -1 }));
  return execa(promtool, ["check", "rules", "--lint=all", "--lint-fatal", path], { reject: false, all: true });
};

test("promtool reads every query of every panel", async () => {
  assert.ok(queries.length > 40, String(queries.length));
  const { exitCode, all } = await check(queries);
  assert.equal(exitCode, 0, all);
  assert.match(String(all), new RegExp(`${queries.length} rules found`));
});

// What the programs of a platform tell, one series of each name and label that the panels ask for.
const grows = "0+6x60";
const stands = "40x60";
const target = 'instance="10.0.0.1:8080",namespace="flux-system",pod="agent",app="agent"';
const ofShop = 'namespace="shop",pod="shop-1",container="shop"';
const told: Readonly<Record<string, string>> = {
  'up{job="kubelet",node="n",instance="10.0.0.1:10250"}': "1x60",
  'ALERTS{alertname="Watchdog",alertstate="firing",severity="none"}': "1x60",
  'kubelet_running_pods{node="n"}': stands,
  'kubelet_volume_stats_available_bytes{namespace="shop",persistentvolumeclaim="data"}': stands,
  'kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data"}': "100x60",
  'certmanager_certificate_expiration_timestamp_seconds{namespace="cert-manager",exported_namespace="shop",name="shop"}':
    "9000000x60",
  'node_cpu_seconds_total{node="n",cpu="0",mode="idle"}': grows,
  'node_memory_MemAvailable_bytes{node="n"}': stands,
  'node_memory_MemTotal_bytes{node="n"}': "100x60",
  'node_filesystem_avail_bytes{node="n",mountpoint="/",device="/dev/vda",fstype="ext4"}': stands,
  'node_filesystem_size_bytes{node="n",mountpoint="/",device="/dev/vda",fstype="ext4"}': "100x60",
  'node_network_receive_bytes_total{node="n",device="eth0"}': grows,
  'node_network_transmit_bytes_total{node="n",device="eth0"}': grows,
  [`container_cpu_usage_seconds_total{${ofShop},id="/a"}`]: grows,
  [`container_cpu_cfs_periods_total{${ofShop},id="/a"}`]: grows,
  [`container_cpu_cfs_throttled_periods_total{${ofShop},id="/a"}`]: grows,
  [`container_memory_working_set_bytes{${ofShop},id="/a"}`]: stands,
  [`container_spec_memory_limit_bytes{${ofShop},id="/a"}`]: "100x60",
  [`container_start_time_seconds{${ofShop},id="/a"}`]: stands,
  'apiserver_request_total{code="200",verb="GET"}': grows,
  'apiserver_request_duration_seconds_bucket{verb="GET",le="0.1"}': grows,
  'apiserver_request_duration_seconds_bucket{verb="GET",le="+Inf"}': grows,
  [`prober_probe_total{${ofShop},probe_type="Readiness",result="successful"}`]: grows,
  'traefik_service_requests_total{service="shop-web-80@kubernetes",code="200",method="GET"}': grows,
  'traefik_service_request_duration_seconds_bucket{service="shop-web-80@kubernetes",code="200",le="0.1"}': grows,
  'traefik_service_request_duration_seconds_bucket{service="shop-web-80@kubernetes",code="200",le="+Inf"}': grows,
  ...Object.fromEntries(
    ["Kustomization", "GitRepository"].flatMap((kind) =>
      ["count", "sum", 'bucket{le="1",', 'bucket{le="+Inf",'].map((part) => [
        `gotk_reconcile_duration_seconds_${part.includes("{") ? part : `${part}{`}kind="${kind}",exported_namespace="shop",name="shop",${target}}`,
        grows,
      ]),
    ),
  ),
  [`controller_runtime_reconcile_total{controller="kustomization",result="success",${target}}`]: grows,
  [`workqueue_depth{name="kustomization",${target}}`]: "0x60",
};

const answers = (asked: readonly { panel: string; expr: string }[]) => {
  const tests = {
    evaluation_interval: "15s",
    tests: [
      {
        interval: "15s",
        input_series: Object.entries(told).map(([series, values]) => ({ series, values })),
        promql_expr_test: asked.map(({ panel, expr }) => ({
          // The comparison leaves out what is no number.
          expr: `count((${expr}) > -Inf) > bool 0 or on () label_replace(vector(0), "without", "${panel}", "", "")`,
          eval_time: "10m",
          exp_samples: [{ labels: "{}", value: 1 }],
        })),
      },
    ],
  };
  const path = join(folder, "answers.yaml");
  writeFileSync(path, dump(tests, { lineWidth: -1 }));
  return execa(promtool, ["test", "rules", path], { reject: false, all: true });
};

test("every query has an answer among what the programs of a platform tell", async () => {
  const { exitCode, all } = await answers(queries);
  assert.equal(exitCode, 0, all);
});

test("a query for a series that nobody tells is found", async () => {
  const { exitCode, all } = await answers([{ panel: "wrong", expr: "no_such_series" }]);
  assert.notEqual(exitCode, 0);
  assert.match(String(all), /without="wrong"/);
});

test("one wrong query is found", async () => {
  // The grammar allows it; the types do not.
  const wrong = { panel: "wrong", expr: 'rate(sum(up{job="kubelet"}))' };
  const { exitCode, all } = await check([...queries, wrong]);
  assert.notEqual(exitCode, 0);
  assert.match(String(all), /expected type range vector/);
});
