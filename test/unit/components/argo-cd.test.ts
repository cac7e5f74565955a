import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { deliverWithArgoCd } from "../../../components/agent/argo-cd-delivery.ts";
import { deployerRules } from "../../../components/delivery/deployer.ts";
import { App, type AppArgs, ArgoCd, images } from "../../../components/index.ts";
import { InvalidDeclaration } from "../../../components/problems.ts";
import { type Declared, definitions, named, ofKind, record } from "./recorder.ts";

const repository = "http://git.example:3000/platform.git";
const commit = "4f0c".repeat(10);
const apps: Readonly<Record<string, Omit<AppArgs, "repository">>> = {
  shop: { path: "apps/shop", kind: "yaml" },
  web: {
    path: "./apps/web",
    name: "site",
    namespace: "www",
    interval: "10s",
    timeout: "3m",
    prune: false,
    suspend: true,
  },
  second: { path: "apps/second", namespace: "www", tag: "v1.2.0" },
  layered: {
    path: "apps/layered",
    kind: "kustomize",
    images: { web: "1.4", db: `sha256:${"a".repeat(64)}` },
    semver: ">=1.2.0 <2.0.0",
  },
  chart: { path: "charts/web", kind: "helm", values: '{"replicas":2}', valuesFiles: ["small.yaml"], commit },
};

const declared = await record(() => {
  const agent = new ArgoCd("agent", {});
  for (const [name, args] of Object.entries(apps)) new App(name, { repository, ...args }, { agent });
  new App("other", { repository: "https://git.example/other.git", path: "x" }, { agent });
});
const changed = await record(() => {
  const replicas = (count: number) => (args: { spec?: unknown }) =>
    ({ ...args, spec: { ...(args.spec as object), replicas: count } }) as never;
  new ArgoCd(
    "agent",
    { namespace: "delivery", mirror: "registry.example/mirror", audiences: ["audience"], definitions },
    { transform: { controller: replicas(0), repoServer: replicas(3), cache: replicas(4) } },
  );
});
const application = (name: string) => named(declared, "Application", name);
const deployment = (resources: readonly Declared[], name: string) => named(resources, "Deployment", name).spec;
const container = (name: string) => deployment(declared, name).template.spec.containers[0];

test("nobody may impersonate or do everything, and Secrets are read in its own namespace alone", () => {
  for (const { inputs } of ["ClusterRole", "Role"].flatMap((kind) => ofKind(declared, kind))) {
    for (const { verbs, resources = [], apiGroups = [] } of inputs.rules) {
      assert.ok(!verbs.includes("impersonate") && !verbs.includes("*"), inputs.metadata.name);
      assert.ok(!resources.includes("*") && !apiGroups.includes("*"), inputs.metadata.name);
      if (resources.includes("secrets") && inputs.metadata.name !== "deployer")
        assert.deepEqual([inputs.metadata.namespace, verbs], ["argocd", ["get", "list", "watch"]]);
      if (!inputs.metadata.namespace) assert.ok(!resources.includes("serviceaccounts/token"), inputs.metadata.name);
    }
  }
});

test("the controller may take the token of one deployer, in that app's namespace alone", () => {
  const { metadata, rules } = named(declared, "Role", "site:agent");
  assert.equal(metadata.namespace, "www");
  assert.deepEqual(rules, [
    { apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: ["deployer"], verbs: ["create"] },
  ]);
  assert.deepEqual(named(declared, "RoleBinding", "site:agent").subjects, [
    { kind: "ServiceAccount", name: "argocd-application-controller", namespace: "argocd" },
  ]);
});

test("a namespace is a cluster that is entered as its deployer, once, and its Secret holds no token", () => {
  const clusters = ofKind(declared, "Secret").filter(
    ({ inputs }) => inputs.metadata.labels?.["argocd.argoproj.io/secret-type"] === "cluster",
  );
  assert.deepEqual(
    clusters.map(({ inputs }) => inputs.metadata.name).sort(),
    ["chart", "layered", "other", "shop", "www"].map((each) => `namespace-${each}`),
  );
  const { config, ...rest } = named(declared, "Secret", "namespace-www").stringData.value;
  assert.deepEqual(rest, {
    name: "www",
    server: "https://kubernetes.default.svc?namespace=www",
    namespaces: "www",
    clusterResources: "false",
  });
  assert.deepEqual(JSON.parse(config), {
    tlsClientConfig: { caData: Buffer.from("the authority").toString("base64") },
    execProviderConfig: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: "/plumbline/deployer-token",
      args: ["www", "deployer"],
      env: { DEPLOYER_UID: "uid of web-deployer" },
    },
  });
});

test("a project pins an app to its repository, its namespace and what a deployer may write", () => {
  const { metadata, spec } = named(declared, "AppProject", "www-site");
  assert.equal(metadata.namespace, "argocd");
  const { namespaceResourceWhitelist: kinds, ...rest } = spec;
  assert.deepEqual(rest, {
    sourceRepos: [repository],
    sourceNamespaces: ["www"],
    destinations: [{ server: "https://kubernetes.default.svc?namespace=www", namespace: "www" }],
    clusterResourceWhitelist: [],
  });
  assert.equal(kinds.length, deployerRules.flatMap(({ resources }) => resources as string[]).length);
  assert.ok(kinds.some((each: object) => JSON.stringify(each) === '{"group":"apps","kind":"Deployment"}'));
});

test("an Application has the defaults of an app", () => {
  const { metadata, spec } = application("shop");
  assert.equal(metadata.namespace, "shop");
  assert.deepEqual(metadata.finalizers, ["resources-finalizer.argocd.argoproj.io"]);
  assert.equal(metadata.annotations["plumbline.dev/timeout"], "2m");
  assert.deepEqual(spec, {
    project: "shop",
    source: {
      repoURL: repository,
      targetRevision: "main",
      path: "apps/shop",
      directory: { recurse: true, include: "{*.yml,*.yaml}", jsonnet: {} },
    },
    destination: { server: "https://kubernetes.default.svc?namespace=shop", namespace: "shop" },
    syncPolicy: {
      automated: { prune: true, selfHeal: true },
      retry: { limit: -1, refresh: true, backoff: { duration: "5s", factor: 2, maxDuration: "1m" } },
      syncOptions: ["ServerSideApply=true", "FailOnSharedResource=true"],
    },
    revisionHistoryLimit: 3,
  });
});

test("every field of an app arrives", () => {
  const site = application("site");
  assert.equal(site.metadata.finalizers, undefined);
  assert.equal(site.metadata.annotations["plumbline.dev/timeout"], "3m");
  assert.equal(site.spec.source.path, "apps/web");
  assert.deepEqual(site.spec.syncPolicy.automated, { prune: false, selfHeal: true, enabled: false });
  assert.equal(site.spec.syncPolicy.retry.backoff.maxDuration, "10s");
  assert.equal(application("second").spec.source.targetRevision, "v1.2.0");
  const { targetRevision, kustomize } = application("layered").spec.source;
  assert.equal(targetRevision, ">=1.2.0 <2.0.0");
  assert.deepEqual(kustomize, { namespace: "layered", images: ["web:1.4", `db@sha256:${"a".repeat(64)}`] });
  assert.deepEqual(application("chart").spec.source, {
    repoURL: repository,
    targetRevision: commit,
    path: "charts/web",
    helm: { releaseName: "chart", valueFiles: ["small.yaml"], valuesObject: { replicas: 2 } },
  });
});

test("what Argo CD does not do is refused, with the word for it", async () => {
  const delivery = (more: object) =>
    ({ name: "a", dependsOn: [], health: [], images: {}, kind: "yaml", ...more }) as never;
  for (const [more, field] of [
    [{ dependsOn: ["db/db"] }, "dependsOn"],
    [{ health: [{ apiVersion: "v1", kind: "X", current: "true" }] }, "health"],
    [{ images: { web: "1" } }, "images"],
  ] as const) {
    assert.throws(
      () => deliverWithArgoCd({} as never, {} as never, "a", delivery(more), {}),
      (error) =>
        error instanceof InvalidDeclaration && error.message.includes(field) && error.message.includes("argoCd()"),
    );
  }
});

test("the repository server is let out to the ports of the Git servers, once each", () => {
  const ports = ofKind(declared, "NetworkPolicy")
    .filter(({ inputs }) => inputs.metadata.name.startsWith("to-git-"))
    .map(({ inputs }) => inputs.spec.egress[0].ports[0].port);
  assert.deepEqual(ports.sort(), [3000, 443]);
});

test("an app's pods may read the record of their own delivery and no other", () => {
  assert.deepEqual(named(declared, "Role", "site:delivery-record").rules, [
    { apiGroups: ["argoproj.io"], resources: ["applications"], resourceNames: ["site"], verbs: ["get"] },
  ]);
  assert.equal(named(declared, "RoleBinding", "site:delivery-record").subjects[0].name, "system:serviceaccounts:www");
});

test("the password of the cache is in no argument and no plain variable, and its commands that run programs are off", () => {
  for (const program of ["argocd-application-controller", "argocd-repo-server", "argocd-redis"]) {
    const { args, env = [] } = container(program);
    assert.ok(!args.some((each: string) => /pass/i.test(each)), `${args}`);
    for (const { name, value } of env) assert.ok(name !== "REDIS_PASSWORD" || value === undefined);
  }
  const { value: data } = named(declared, "Secret", "argocd-redis").data;
  const read = (key: string) => Buffer.from(data[key], "base64").toString();
  assert.match(read("auth"), /^[0-9a-f]{48}$/);
  assert.equal(read("password.conf"), `requirepass ${read("auth")}\n`);
  assert.match(named(declared, "ConfigMap", "redis-settings").data["redis.conf"], /^rename-command EVAL ""$/m);
});

test("namespace, registry, audiences and what code changes arrive", () => {
  assert.equal(ofKind(changed, "Namespace")[0]?.inputs.metadata.name, "delivery");
  const { template } = deployment(changed, "argocd-repo-server");
  assert.equal(
    template.spec.containers[0].image,
    `registry.example/mirror/argoproj/argocd:${images.argocd.reference.split(":")[1]}`,
  );
  assert.deepEqual(
    ["argocd-application-controller", "argocd-repo-server", "argocd-redis"].map(
      (name) => deployment(changed, name).replicas,
    ),
    [0, 3, 4],
  );
  const script = (resources: readonly Declared[]) =>
    named(resources, "ConfigMap", "deployer-token").data["deployer-token"];
  assert.match(script(changed), /"audiences":\["audience"\]/);
  assert.match(
    script(declared),
    /"audiences":\["https:\/\/kubernetes.default.svc","https:\/\/kubernetes.default.svc.cluster.local"\]/,
  );
});

const folder = mkdtempSync(join(tmpdir(), "plumbline-token-"));
after(() => rmSync(folder, { recursive: true }));

/** Runs the program that gets a token, with a stand-in for openssl that answers with these bytes. */
const ask = (answer: string): string => {
  const program = join(folder, "token");
  const account = join(folder, "account");
  execFileSync("mkdir", ["-p", account]);
  writeFileSync(join(account, "token"), "mine");
  const text = named(declared, "ConfigMap", "deployer-token").data["deployer-token"];
  writeFileSync(program, text.replace(/^account=.*$/m, `account=${account}`));
  writeFileSync(join(folder, "answer"), answer);
  writeFileSync(join(folder, "openssl"), `#!/bin/sh\ncat > ${folder}/asked\ncat ${folder}/answer\n`);
  for (const file of [program, join(folder, "openssl")]) chmodSync(file, 0o755);
  return execFileSync(program, ["www", "deployer"], {
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
      KUBERNETES_SERVICE_PORT: "443",
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
};

test("the program prints the token as a client wants it, and the server's words where there is none", () => {
  const status = { token: "their.token", expirationTimestamp: "2030-01-01T00:00:00Z" };
  const created = JSON.stringify({ kind: "TokenRequest", metadata: {}, spec: { expirationSeconds: 3600 }, status });
  assert.deepEqual(JSON.parse(ask(`HTTP/1.0 201 Created\r\nContent-Type: application/json\r\n\r\n${created}\n`)), {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status,
  });
  const asked = execFileSync("cat", [join(folder, "asked")], { encoding: "utf8" });
  const [head = "", body = ""] = asked.split("\r\n\r\n");
  assert.match(head, /^POST \/api\/v1\/namespaces\/www\/serviceaccounts\/deployer\/token HTTP\/1.0\r\n/);
  assert.match(head, /^Authorization: Bearer mine\r$/m);
  assert.equal(Number(/Content-Length: (\d+)/.exec(head)?.[1]), body.length);
  assert.equal(JSON.parse(body).spec.expirationSeconds, 3600);
  assert.throws(
    () => ask('HTTP/1.0 403 Forbidden\r\n\r\n{"kind":"Status","message":"not allowed"}'),
    /no token of www\/deployer: .*not allowed/s,
  );
});

test("what lies outside of repositories is fetched through the ports that are named, and else not", async () => {
  const opened = await record(() => new ArgoCd("agent", { remotePorts: [8443] }));
  const { spec } = named(opened, "NetworkPolicy", "argocd-repo-server-to-remotes");
  assert.deepEqual(spec.podSelector, { matchLabels: { "app.kubernetes.io/name": "argocd-repo-server" } });
  assert.deepEqual(spec.egress, [{ ports: [{ protocol: "TCP", port: 8443 }] }]);
  assert.ok(!ofKind(declared, "NetworkPolicy").some(({ inputs }) => inputs.metadata.name.endsWith("to-remotes")));
});
