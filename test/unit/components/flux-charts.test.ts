import assert from "node:assert/strict";
import { test } from "node:test";
import { App, AppKind, Flux } from "../../../components/index.ts";
import { named, ofKind, record } from "./recorder.ts";

const repository = "http://git.example:3000/platform.git";
const chart = { repository, path: "./charts/web/", kind: AppKind.Helm };

const declared = await record(() => {
  const agent = new Flux("agent", {});
  new App("db", chart, { agent });
  new App(
    "web",
    {
      ...chart,
      namespace: "www",
      values: '{"replicas": 2}',
      valuesFiles: ["more.yaml"],
      interval: "10s",
      timeout: "3m",
      suspend: true,
      dependsOn: ["db"],
    },
    { agent },
  );
});

test("a chart is made anew from each commit, with its values files over its own", () => {
  const [source] = ofKind(declared, "GitRepository");
  const { metadata, spec } = named(declared, "HelmChart", "www-web");
  assert.equal(metadata.namespace, "flux-system");
  assert.deepEqual(spec, {
    chart: "./charts/web",
    sourceRef: { kind: "GitRepository", name: source?.inputs.metadata.name },
    interval: "10s",
    reconcileStrategy: "Revision",
    valuesFiles: ["./charts/web/values.yaml", "./charts/web/more.yaml"],
    ignoreMissingValuesFiles: true,
  });
  assert.equal(named(declared, "HelmChart", "db-db").spec.valuesFiles, undefined);
});

test("a release logs in as the deployer, and has every argument of the app", () => {
  const { metadata, spec } = named(declared, "HelmRelease", "web");
  assert.equal(metadata.namespace, "www");
  assert.deepEqual(spec, {
    chartRef: { kind: "HelmChart", name: "www-web", namespace: "flux-system" },
    releaseName: "web",
    targetNamespace: "www",
    kubeConfig: { configMapRef: { name: "web-delivery" } },
    interval: "10s",
    timeout: "3m",
    suspend: true,
    values: { replicas: 2 },
    dependsOn: [{ namespace: "db", name: "db" }],
    driftDetection: { mode: "enabled" },
    install: { strategy: { name: "RetryOnFailure", retryInterval: "10s" } },
    upgrade: { strategy: { name: "RetryOnFailure", retryInterval: "10s" } },
  });
  assert.equal(ofKind(declared, "Kustomization").length, 0);
});

test("helm-controller is there once, may take tokens of deployers of charts alone, and reads no Secret", () => {
  assert.equal(
    ofKind(declared, "Deployment").filter(({ inputs }) => inputs.metadata.name === "helm-controller").length,
    1,
  );
  assert.deepEqual(named(declared, "RoleBinding", "web:agent").subjects, [
    { kind: "ServiceAccount", name: "helm-controller", namespace: "flux-system" },
  ]);
  const { rules } = named(declared, "ClusterRole", "plumbline:helm-controller");
  for (const { resources, verbs } of rules) {
    assert.ok(!resources.some((each: string) => /^\*|secrets|token/.test(each)), resources);
    assert.ok(
      !verbs.some((each: string) => ["*", "impersonate", "create", "delete"].includes(each)) ||
        resources.includes("events"),
    );
  }
  const { args } = named(declared, "Deployment", "helm-controller").spec.template.spec.containers[0];
  assert.ok(args.includes("--feature-gates=ObjectLevelWorkloadIdentity=true,DisableConfigWatchers=true"));
});

test("a platform without a chart has no helm-controller and not its definition", async () => {
  const without = await record(() => new App("plain", { repository, path: "a" }, { agent: new Flux("agent", {}) }));
  assert.equal(ofKind(without, "Deployment").length, 2);
  assert.ok(
    !ofKind(without, "CustomResourceDefinition").some(({ inputs }) => /helmreleases/.test(inputs.metadata.name)),
  );
});

test("what Flux does not do for a chart is refused", async () => {
  const refused = async (field: string, declare: (agent: Flux) => void) => {
    let message = "";
    await record(() => {
      try {
        declare(new Flux("agent", {}));
      } catch (error) {
        message = (error as Error).message;
      }
    });
    assert.match(message, new RegExp(`^App [\\w/]+: 1 problem\\n {2}${field}: found `));
  };
  await refused("prune", (agent) => new App("web", { ...chart, prune: false }, { agent }));
  await refused("dependsOn", (agent) => {
    new App("db", { repository, path: "db" }, { agent });
    new App("web", { ...chart, dependsOn: ["db"] }, { agent });
  });
  await refused("dependsOn", (agent) => {
    new App("shop", { repository, path: "shop", dependsOn: ["web"] }, { agent });
    new App("web", chart, { agent });
  });
});
