import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { roleOf } from "../../../components/dashboards/oidc.ts";
import {
  charts,
  definePlatform,
  ExternalDashboards,
  embedded,
  externalCertificates,
  externalDashboards,
  externalMetrics,
  Grafana,
  type GrafanaArgs,
  grafana,
  Platform,
  prometheus,
  traefik,
  victoriaLogs,
} from "../../../components/index.ts";
import { unknownKeys } from "../../chart.ts";
import * as cases from "../../chart-cases.ts";
import { golden } from "../../golden.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const least: GrafanaArgs = { metricsUrl: "http://prometheus.monitoring.svc.cluster.local:9090" };
const { grafana: all } = cases;
const declared = (args: GrafanaArgs) => record(() => new Grafana("g", args));
// As the engine is told of a secret; what it is not told so would stand in plain state.
const revealed = (secret: { value: Record<string, string> }): Record<string, string> => secret.value;
const valuesOf = (resources: readonly Declared[]) => ofKind(resources, "Chart")[0]?.inputs.values;

describe("the values of the chart", () => {
  for (const [title, args] of Object.entries({ least, all })) {
    test(`${title}: are those of the golden file, and each is known to the chart`, async () => {
      const values = valuesOf(await declared(args));
      golden(`grafana-${title}`, values);
      assert.deepEqual(unknownKeys(values, charts.grafana), []);
    });
  }
  test("name no secret but by its Secret", async () => {
    const resources = await declared(all);
    const [admin] = ofKind(resources, "Secret");
    const made = Object.values(revealed(admin?.inputs.data)).filter((each) => each !== btoa("admin"));
    assert.equal(made.length, 2);
    const elsewhere = JSON.stringify(resources.filter((each) => each !== admin));
    for (const secret of made) {
      assert.ok(Buffer.from(secret, "base64").length >= 24);
      assert.ok(!elsewhere.includes(secret) && !elsewhere.includes(atob(secret)));
    }
  });
  test("wait for what they name: the Secret and the ConfigMaps of the dashboards", async () => {
    const resources = await declared(all);
    const values = valuesOf(resources);
    assert.ok(revealed(named(resources, "Secret", values.admin.existingSecret).data)[values.admin.passwordKey]);
    assert.deepEqual(Object.keys(values.dashboardsConfigMaps), ["plumbline", "team-shop"]);
    for (const name of Object.values<string>(values.dashboardsConfigMaps)) named(resources, "ConfigMap", name);
    assert.deepEqual(Object.keys(named(resources, "ConfigMap", "dashboards-plumbline").data).sort(), [
      "plumbline-app.json",
      "plumbline-gitops.json",
      "plumbline-logs.json",
      "plumbline-platform.json",
    ]);
    assert.deepEqual(Object.keys(named(resources, "ConfigMap", "dashboards-team-shop").data), ["shop.json"]);
  });
});

test("whom Grafana asks is open to it, and nobody reaches it but the ingress and the metrics", async () => {
  const { spec } = named(await declared(all), "NetworkPolicy", "grafana");
  assert.deepEqual(
    spec.egress[0].ports.map(({ port }: { port: number }) => port),
    [9090, 9093, 3100, 443, 8443, 5433],
  );
  assert.deepEqual(spec.ingress[0].from[0].namespaceSelector.matchExpressions[0].values, ["ingress", "metrics"]);
});

describe("the role of a person", () => {
  const oidc = all.oidc ?? assert.fail();
  test("follows from groups, the strongest first; who has none is refused", () =>
    assert.equal(
      roleOf(oidc),
      "contains(groups[*], 'platform') && 'Admin' || contains(groups[*], 'staff') && 'Viewer' || contains(groups[*], 'guests') && 'Viewer'",
    ));
  test("is to look, for everybody, where nobody says who may", () => {
    const { viewers: _, ...open } = oidc;
    assert.equal(
      roleOf({ ...open, groupsClaim: "roles", admins: [], editors: ["dev"] }),
      "contains(roles[*], 'dev') && 'Editor' || 'Viewer'",
    );
  });
});

test("everything that is wrong is said at once, before anything is declared", () => {
  const wrong = {
    metricsUrl: "prometheus:9090",
    alertsUrl: "ftp://a",
    size: "big",
    url: "grafana.example.com",
    oidc: { ...all.oidc, admins: ["it's"], tokenUrl: "token" },
    database: { ...all.database, host: "db", tls: "maybe" },
    chart: { version: "13.2.5" },
  } as unknown as GrafanaArgs;
  assert.throws(
    () => new Grafana("g", wrong),
    ({ problems }: { problems: { field: string }[] }) => {
      assert.deepEqual(problems.map(({ field }) => field).sort(), [
        "alertsUrl",
        "chart.digest",
        "database.host",
        "database.tls",
        "metricsUrl",
        "oidc.admins.0",
        "oidc.tokenUrl",
        "size",
        "url",
      ]);
      return true;
    },
  );
  assert.throws(() => new Grafana("g", { ...least, size: "ha" }), /database: found nothing; allowed: together with/);
  const { dashboards = [] } = all;
  assert.throws(
    () => new Grafana("g", { ...least, dashboards: [...dashboards, ...dashboards] }),
    /dashboards\.1\.name: found "shop"; allowed: a name of its own: dashboards\.0 has this one/,
  );
});

const settings = {
  name: "p",
  git: { url: "https://git.example.com/p.git", branch: "main" },
  cluster: embedded(),
  apps: [],
};

describe("as a layer", () => {
  test("Grafana asks whoever keeps the figures, and nobody for logs that are not kept", async () => {
    const resources = await record(
      () => new Platform(definePlatform(settings, { metrics: prometheus(), dashboards: grafana() })),
    );
    const { datasources } = valuesOf(resources).datasources["datasources.yaml"];
    assert.deepEqual(
      datasources.map(({ type, url }: Record<string, string>) => `${type} ${url}`),
      [
        "prometheus http://prometheus.monitoring.svc.cluster.local:9090",
        "alertmanager http://alertmanager.monitoring.svc.cluster.local:9093",
      ],
    );
    assert.equal(named(resources, "ConfigMap", "dashboards-plumbline").data["plumbline-logs.json"], undefined);
  });
  test("Grafana asks VictoriaLogs by the plug-in of its vendor, which the chart fetches", async () => {
    const resources = await record(
      () =>
        new Platform(definePlatform(settings, { metrics: prometheus(), logs: victoriaLogs(), dashboards: grafana() })),
    );
    const values = valuesOf(resources);
    const { datasources } = values.datasources["datasources.yaml"];
    const { type, url, jsonData } = datasources.at(-1);
    const plugin = "victoriametrics-logs-datasource";
    assert.deepEqual(
      [type, url, jsonData, values.plugins],
      [plugin, "http://victoria-logs.victoria-logs.svc.cluster.local:9428", undefined, [plugin]],
    );
    const { data } = named(resources, "ConfigMap", "dashboards-plumbline");
    assert.ok(data["plumbline-logsql.json"] && !data["plumbline-logs.json"], Object.keys(data).join());
  });
  test("a host brings a certificate and a way through the ingress", async () => {
    const resources = await record(
      () =>
        new Platform(
          definePlatform(settings, {
            metrics: externalMetrics({ queryUrl: "https://figures.example.com" }),
            certificates: externalCertificates({ issuer: "ca" }),
            ingress: traefik(),
            dashboards: grafana({ host: "grafana.example.com" }),
          }),
        ),
    );
    assert.deepEqual(named(resources, "Certificate", "grafana").spec.dnsNames, ["grafana.example.com"]);
    const { spec, metadata } = named(resources, "Ingress", "grafana");
    assert.equal(metadata.namespace, "grafana");
    assert.equal(spec.tls[0].secretName, named(resources, "Certificate", "grafana").spec.secretName);
    assert.deepEqual(spec.rules[0].http.paths[0].backend.service, { name: "grafana", port: { number: 80 } });
    assert.equal(valuesOf(resources)["grafana.ini"].server.root_url, "https://grafana.example.com");
  });
  test("a host without an ingress is refused", () => {
    const layers = {
      metrics: externalMetrics({ queryUrl: "https://f.example.com" }),
      dashboards: grafana({ host: "g.example.com" }),
    };
    assert.throws(
      () => definePlatform(settings, layers as never),
      /layers\.ingress: .*which grafana needs\n.*layers\.certificates/,
    );
  });
  test("what stands in a Grafana elsewhere follows from whether there are logs", async () => {
    const resources = await record(
      () =>
        new Platform(
          definePlatform(settings, {
            dashboards: externalDashboards({ url: "https://g.example.com", namespace: "monitoring" }),
          }),
        ),
    );
    const { data, metadata } = named(resources, "ConfigMap", "plumbline-dashboards-plumbline");
    assert.deepEqual(Object.keys(data).sort(), [
      "plumbline-app.json",
      "plumbline-gitops.json",
      "plumbline-platform.json",
    ]);
    assert.deepEqual(
      [metadata.namespace, metadata.labels, metadata.annotations.grafana_folder],
      ["monitoring", { grafana_dashboard: "1" }, "Plumbline"],
    );
  });
});

test("another implementation changes where the dashboards lie, not what they are", async () => {
  const own = await declared({ ...least, logsUrl: "http://loki:3100" });
  const elsewhere = await record(
    () => new ExternalDashboards("d", { url: "https://g.example.com", namespace: "monitoring" }),
  );
  assert.deepEqual(
    named(elsewhere, "ConfigMap", "plumbline-dashboards-plumbline").data,
    named(own, "ConfigMap", "dashboards-plumbline").data,
  );
});

test("a Grafana elsewhere gets its dashboards as its sidecar wants them, or none", async () => {
  const given = await record(
    () =>
      new ExternalDashboards("d", {
        url: "https://g.example.com",
        namespace: "monitoring",
        labels: { "example.com/board": "yes" },
        folderAnnotation: "example.com/folder",
        ...(all.dashboards && { dashboards: all.dashboards }),
      }),
  );
  const { metadata } = named(given, "ConfigMap", "plumbline-dashboards-team-shop");
  assert.deepEqual(
    [metadata.labels, metadata.annotations],
    [{ "example.com/board": "yes" }, { "example.com/folder": "Team Shop" }],
  );
  assert.ok(named(given, "ConfigMap", "plumbline-dashboards-plumbline").data["plumbline-logs.json"]);
  assert.equal(
    ofKind(await record(() => new ExternalDashboards("d", { url: "https://g.example.com" })), "ConfigMap").length,
    0,
  );
  assert.throws(() => new ExternalDashboards("d", { url: "g", namespace: "N" }), /url: .*\n.*namespace: found "N"/);
});
