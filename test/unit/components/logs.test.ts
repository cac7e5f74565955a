import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "js-yaml";
import { ExternalLogs, everyTenant, Loki, loki, VictoriaLogs, victoriaLogs } from "../../../components/index.ts";
import { type Declared, named, ofKind, record } from "./recorder.ts";

const alert = {
  name: "ShopPanics",
  expr: 'sum by (pod) (count_over_time({namespace="shop"} |= "panic" [5m])) > 0',
  severity: "critical",
  summary: "{{ $labels.pod }} panics",
};
const single = await record(
  () =>
    new Loki("l", {
      retention: "14d",
      storage: "20Gi",
      storageClass: "fast",
      ingestionRate: 4,
      tenants: [{ name: "shop", namespaces: ["shop"], retention: "90d" }],
      alerts: [alert, { ...alert, name: "ShopSlow", tenant: "shop", for: "1m" }],
      alertmanagerUrl: "http://alertmanager.monitoring.svc.cluster.local:9093",
    }),
);
const ha = await record(
  () =>
    new Loki("l", {
      namespace: "lines",
      size: "ha",
      bucket: {
        s3: {
          bucket: "lines",
          region: "eu-central-1",
          endpoint: "http://minio.minio:9000",
          pathStyle: true,
          credentials: "bucket",
        },
        identity: { "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/loki" },
      },
    }),
);
const kept = await record(
  () =>
    new VictoriaLogs(
      "l",
      { namespace: "lines", retention: "90d", storage: "50Gi", storageClass: "fast", mirror: "plumbline.local" },
      {
        transform: {
          statefulSet: (args) => ({ ...args, metadata: { ...args.metadata, annotations: { owner: "team" } } }),
        },
      },
    ),
);
const least = await record(() => new VictoriaLogs("l"));
// biome-ignore lint/suspicious/noExplicitAny: configurations of many forms
const file = (resources: readonly Declared[], of: string, map = "loki"): any =>
  load(named(resources, "ConfigMap", map).data[of]);
const pod = (resources: readonly Declared[], kind: string, name: string) =>
  named(resources, kind, name).spec.template.spec;
const config = file(single, "loki.yaml");

test("lines are kept as long as the stack says, and a tenant's as long as it says", () => {
  assert.equal(config.limits_config.retention_period, "14d");
  assert.deepEqual(file(single, "tenants.yaml"), { overrides: { shop: { retention_period: "90d" } } });
  assert.equal(file(ha, "loki.yaml").limits_config.retention_period, "31d");
  // Without these three nothing is ever deleted.
  assert.deepEqual(config.compactor, {
    working_directory: "/var/loki/compactor",
    retention_enabled: true,
    delete_request_store: "filesystem",
  });
});

test("one program keeps its lines on a volume of the size and class that the stack says", () => {
  const [claim] = named(single, "StatefulSet", "loki").spec.volumeClaimTemplates;
  assert.equal(claim.spec.resources.requests.storage, "20Gi");
  assert.equal(claim.spec.storageClassName, "fast");
  assert.equal(config.common.storage.filesystem.chunks_directory, "/var/loki/chunks");
  assert.equal(config.schema_config.configs[0].schema, "v13");
  assert.equal(config.common.replication_factor, 1);
});

test("every request names its tenant, and a query may name several", () => {
  assert.equal(config.auth_enabled, true);
  assert.equal(config.querier.multi_tenant_queries_enabled, true);
  assert.equal(everyTenant({ tenant: "platform", tenants: [{ name: "shop", namespaces: ["shop"] }] }), "platform|shop");
});

test("few labels find lines, and what has no end of values is none of them", () => {
  const { ignore_defaults, attributes_config } = config.limits_config.otlp_config.resource_attributes;
  assert.equal(ignore_defaults, true);
  assert.deepEqual(attributes_config, [
    { action: "index_label", attributes: ["namespace", "pod", "container", "app"] },
  ]);
});

test("a tenant brings in so much and no more, and no line is refused for its length or its pod's name", () => {
  const { limits_config: limits } = config;
  assert.deepEqual(
    [limits.ingestion_rate_mb, limits.ingestion_burst_size_mb, limits.per_stream_rate_limit],
    [4, 8, "4MB"],
  );
  assert.equal(file(ha, "loki.yaml").limits_config.ingestion_rate_mb, 16);
  assert.equal(limits.max_line_size_truncate, true);
  assert.equal(limits.max_global_streams_per_user, 0);
});

test("alerts over lines are evaluated for their tenant and go to the Alertmanager", () => {
  const { ruler } = config;
  assert.equal(ruler.alertmanager_url, "http://alertmanager.monitoring.svc.cluster.local:9093");
  const [{ rules }] = file(single, "shop.yaml", "loki-rules").groups;
  assert.deepEqual(rules, [
    {
      alert: "ShopSlow",
      expr: alert.expr,
      for: "1m",
      labels: { severity: "critical" },
      annotations: { summary: alert.summary },
    },
  ]);
  assert.equal(file(single, "platform.yaml", "loki-rules").groups[0].rules[0].alert, "ShopPanics");
  const { volumes, containers } = pod(single, "StatefulSet", "loki");
  for (const [index, tenant] of ["platform", "shop"].entries()) {
    const name = `rules-${index}`;
    const { configMap } = volumes.find((each: { name: string }) => each.name === name);
    assert.deepEqual(configMap.items, [{ key: `${tenant}.yaml`, path: "rules.yaml" }]);
    const mount = containers[0].volumeMounts.find((each: { name: string }) => each.name === name);
    assert.equal(mount.mountPath, `/etc/loki/rules/${tenant}`);
  }
  const [, alertmanager] = named(single, "NetworkPolicy", "loki").spec.egress;
  assert.deepEqual(alertmanager.ports, [{ protocol: "TCP", port: 9093 }]);
});

test("programs that write, read and tidy up find each other, and each line is on three that write", () => {
  assert.deepEqual(
    [...ofKind(ha, "StatefulSet"), ...ofKind(ha, "Deployment")].map(({ inputs }) => [
      inputs.metadata.name,
      inputs.spec.replicas,
      inputs.spec.template.spec.containers[0].args.at(-1),
    ]),
    [
      ["loki-write", 3, "-target=write"],
      ["loki-backend", 2, "-target=backend"],
      ["loki-read", 2, "-target=read"],
    ],
  );
  const { common, memberlist, ruler } = file(ha, "loki.yaml");
  assert.equal(common.replication_factor, 3);
  assert.deepEqual(common.ring, { kvstore: { store: "memberlist" } });
  assert.deepEqual(memberlist.join_members, ["loki-peers.lines.svc.cluster.local:7946"]);
  assert.equal(common.compactor_grpc_address, "loki-backend.lines.svc.cluster.local:9095");
  // Two that evaluate would send every alert twice.
  assert.equal(ruler.enable_sharding, true);
  const service = named(ha, "Service", "loki-peers").spec;
  assert.equal(service.publishNotReadyAddresses, true);
});

test("a bucket is reached with the pod's identity or with keys from a Secret, never with keys in the configuration", async () => {
  const { s3 } = file(ha, "loki.yaml").common.storage;
  assert.deepEqual(s3, {
    bucketnames: "lines",
    region: "eu-central-1",
    endpoint: "minio.minio:9000",
    insecure: true,
    s3forcepathstyle: true,
  });
  const variables = pod(ha, "Deployment", "loki-read").containers[0].env;
  assert.deepEqual(variables.slice(1), [
    { name: "AWS_ACCESS_KEY_ID", valueFrom: { secretKeyRef: { name: "bucket", key: "AWS_ACCESS_KEY_ID" } } },
    { name: "AWS_SECRET_ACCESS_KEY", valueFrom: { secretKeyRef: { name: "bucket", key: "AWS_SECRET_ACCESS_KEY" } } },
  ]);
  assert.deepEqual(named(ha, "ServiceAccount", "loki").metadata.annotations, {
    "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/loki",
  });
  assert.deepEqual(named(ha, "NetworkPolicy", "loki").spec.egress[1].ports, [{ protocol: "TCP", port: 9000 }]);
  const google = await record(
    () => new Loki("l", { bucket: { gcs: { bucket: "lines", key: { name: "google", key: "account" } } } }),
  );
  const [container] = pod(google, "StatefulSet", "loki").containers;
  assert.deepEqual(file(google, "loki.yaml").common.storage, { gcs: { bucket_name: "lines" } });
  assert.equal(container.env[1].value, "/etc/loki/key/key.json");
  const azure = await record(
    () =>
      new Loki("l", {
        bucket: { azure: { account: "a", container: "lines", key: { name: "azure", key: "account" } } },
      }),
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Loki replaces it by the variable
  assert.equal(file(azure, "loki.yaml").common.storage.azure.account_key, "${AZURE_ACCOUNT_KEY}");
});

test("addresses lead to whoever takes lines and to whoever answers", async () => {
  await record(async () => {
    const cluster = { provider: undefined as never } as never;
    const { pushUrl, queryUrl, tenant } = loki({
      size: "ha",
      bucket: { gcs: { bucket: "lines" } },
      tenants: [{ name: "shop", namespaces: ["shop"] }],
    }).build("p-logs", { cluster }, {});
    assert.equal(tenant, "platform");
    const address = (url: typeof pushUrl) => new Promise((resolve) => url.apply(resolve));
    assert.equal(await address(pushUrl), "http://loki-write.logs.svc.cluster.local:3100/otlp");
    assert.equal(await address(queryUrl), "http://loki-read.logs.svc.cluster.local:3100");
  });
});

test("VictoriaLogs keeps lines on its volume as long as the stack says, and lets the oldest go before it is full", async () => {
  const { spec, metadata } = named(kept, "StatefulSet", "victoria-logs");
  const [container] = spec.template.spec.containers;
  assert.ok(container.args.includes("-retentionPeriod=90d"), container.args);
  assert.ok(container.args.includes(`-retention.maxDiskSpaceUsageBytes=${40 * 2 ** 30}`), container.args);
  const [claim] = spec.volumeClaimTemplates;
  assert.deepEqual([claim.spec.resources.requests.storage, claim.spec.storageClassName], ["50Gi", "fast"]);
  assert.match(container.image, /^plumbline\.local\/victoriametrics\/victoria-logs:v/);
  assert.equal(metadata.annotations.owner, "team");
  const usual = named(least, "StatefulSet", "victoria-logs").spec;
  assert.ok(usual.template.spec.containers[0].args.includes("-retentionPeriod=31d"));
  assert.equal(usual.volumeClaimTemplates[0].spec.resources.requests.storage, "10Gi");
});

test("VictoriaLogs takes OTLP at a path of its own, is asked in LogsQL, and knows one tenant", async () => {
  await record(async () => {
    const cluster = { provider: undefined as never } as never;
    const { pushUrl, queryUrl, language, tenant, tenants } = victoriaLogs().build("p-logs", { cluster }, {});
    assert.deepEqual([language, tenant, tenants], ["logsql", "0", []]);
    const address = (url: typeof pushUrl) => new Promise((resolve) => url.apply(resolve));
    const host = "http://victoria-logs.victoria-logs.svc.cluster.local:9428";
    assert.equal(await address(pushUrl), `${host}/insert/opentelemetry`);
    assert.equal(await address(queryUrl), host);
  });
});

test("everything that is wrong is said at once, before anything is declared", () => {
  const wrong = (args: ConstructorParameters<typeof Loki>[1]) => {
    try {
      new Loki("l", args);
    } catch (error) {
      return (error as { problems: { field: string; allowed: string }[] }).problems;
    }
    return assert.fail("nothing was refused");
  };
  const shapes = wrong({
    size: "three" as never,
    retention: "12h",
    storage: "10",
    ingestionRate: 0,
    bucket: {},
    alertmanagerUrl: "alertmanager",
    alerts: [{ ...alert, expr: 'sum(rate({namespace="shop"} [5m) > 0' }],
    tenants: [{ name: "Shop", namespaces: [] }],
  });
  assert.deepEqual(shapes.map(({ field }) => field).sort(), [
    "alertmanagerUrl",
    "alerts.0.expr",
    "bucket",
    "ingestionRate",
    "retention",
    "size",
    "storage",
    "tenants.0.name",
    "tenants.0.namespaces",
  ]);
  assert.match(shapes.find(({ field }) => field === "alerts.0.expr")?.allowed ?? "", /LogQL; it is none from/);
  const together = wrong({
    size: "ha",
    alerts: [alert, { ...alert, tenant: "nobody" }],
    tenants: [
      { name: "shop", namespaces: ["shop"] },
      { name: "platform", namespaces: ["shop"] },
    ],
  });
  assert.deepEqual(together.map(({ field }) => field).sort(), [
    "alertmanagerUrl",
    "alerts.1",
    "alerts.1.tenant",
    "bucket",
    "tenants.1.name",
    "tenants.1.namespaces.0",
  ]);
  assert.throws(
    () => new VictoriaLogs("l", { namespace: "L", retention: "12h", storage: "10", storageClass: "" }),
    ({ problems }: { problems: { field: string }[] }) => {
      assert.deepEqual(problems.map(({ field }) => field).sort(), [
        "namespace",
        "retention",
        "storage",
        "storageClass",
      ]);
      return true;
    },
  );
  assert.throws(
    () => new ExternalLogs("l", { pushUrl: "loki:3100", queryUrl: "https://loki.example.com" }),
    /pushUrl: found "loki:3100"/,
  );
});
