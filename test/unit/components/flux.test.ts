import assert from "node:assert/strict";
import { test } from "node:test";
import { readDefinitions } from "../../../components/definitions.ts";
import { App, AppKind, Flux, flux, images } from "../../../components/index.ts";
import { type Declared, definitions, named, ofKind, record } from "./recorder.ts";

const repository = "http://git.example:3000/platform.git";

const declared = await record(() => {
  const agent = new Flux("agent", {});
  new App("shop", { repository, path: "apps/shop" }, { agent });
  new App(
    "web",
    {
      repository,
      branch: "main",
      path: "./apps/web",
      name: "site",
      namespace: "www",
      interval: "10s",
      timeout: "3m",
      prune: false,
      dependsOn: ["shop", "db/postgres"],
      expose: { service: "front", port: 8080 },
    },
    { agent },
  );
  new App("other", { repository, branch: "next", path: "apps/other" }, { agent });
  new App("tagged", { repository, tag: "v1.2.0", path: "a" }, { agent });
  new App("ranged", { repository, semver: ">=1.0.0", path: "a" }, { agent });
  new App("fixed", { repository, commit: "c".repeat(40), path: "a" }, { agent });
  const health = [{ apiVersion: "example.com/v1", kind: "Db", current: "true" }];
  const images = { web: "v2", "r.example/db": `sha256:${"d".repeat(64)}` };
  new App("rich", { repository, path: "a", kind: AppKind.Kustomize, images, health, suspend: true }, { agent });
});
const changed = await record(() => {
  const replicas = (count: number) => (args: { spec?: unknown }) => ({
    ...args,
    spec: { ...(args.spec as object), replicas: count },
  });
  const agent = new Flux(
    "agent",
    { namespace: "delivery", mirror: "registry.example/mirror", audiences: ["audience"], definitions },
    { transform: { sourceController: replicas(0) as never, kustomizeController: replicas(3) as never } },
  );
  new App(
    "shop",
    { repository, path: "x" },
    {
      agent,
      transform: { namespace: (args) => ({ ...args, metadata: { ...args.metadata, labels: { team: "a" } } as never }) },
    },
  );
});
const rulesOf = (resources: readonly Declared[]) =>
  ["ClusterRole", "Role"].flatMap((kind) => ofKind(resources, kind).flatMap(({ inputs }) => inputs.rules));
const container = (resources: readonly Declared[], name: string) =>
  named(resources, "Deployment", name).spec.template.spec.containers[0];

test("nobody may impersonate, read every Secret, or do everything", () => {
  for (const { verbs, resources = [], apiGroups = [] } of rulesOf(declared)) {
    assert.ok(!verbs.includes("impersonate") && !verbs.includes("*"), `verbs ${verbs}`);
    assert.ok(!resources.includes("*") && !apiGroups.includes("*"), `resources ${resources}`);
  }
  for (const { inputs } of ofKind(declared, "ClusterRole")) {
    for (const { resources } of inputs.rules) {
      assert.ok(!resources.includes("secrets") && !resources.includes("serviceaccounts/token"), inputs.metadata.name);
    }
  }
});

test("kustomize-controller may take the token of one deployer, in that app's namespace alone", () => {
  assert.deepEqual(named(declared, "Role", "site:agent").rules, [
    { apiGroups: [""], resources: ["configmaps"], resourceNames: ["site-delivery"], verbs: ["get"] },
    { apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: ["deployer"], verbs: ["create"] },
  ]);
  assert.equal(named(declared, "Role", "site:agent").metadata.namespace, "www");
  assert.deepEqual(named(declared, "RoleBinding", "site:agent").subjects, [
    { kind: "ServiceAccount", name: "kustomize-controller", namespace: "flux-system" },
  ]);
});

test("the controller logs in as the deployer at this same cluster", () => {
  assert.deepEqual(named(declared, "ConfigMap", "shop-delivery").data, {
    provider: "generic",
    serviceAccountName: "deployer",
    address: "https://kubernetes.default.svc",
    audiences: "https://kubernetes.default.svc\nhttps://kubernetes.default.svc.cluster.local",
    "ca.crt": "the authority",
  });
  assert.equal(named(changed, "ConfigMap", "shop-delivery").data.audiences, "audience");
  const { args } = container(declared, "kustomize-controller");
  assert.ok(args.some((flag: string) => flag.includes("ObjectLevelWorkloadIdentity=true")));
});

test("an app's pods may read the record of their own delivery and no other", () => {
  assert.deepEqual(named(declared, "Role", "shop:delivery-record").rules, [
    {
      apiGroups: ["kustomize.toolkit.fluxcd.io"],
      resources: ["kustomizations"],
      resourceNames: ["shop"],
      verbs: ["get"],
    },
  ]);
  assert.deepEqual(named(declared, "RoleBinding", "shop:delivery-record").subjects, [
    { kind: "Group", name: "system:serviceaccounts:shop", apiGroup: "rbac.authorization.k8s.io" },
  ]);
});

test("a Kustomization has the defaults of an app", () => {
  const [source] = ofKind(declared, "GitRepository").filter(({ inputs }) => inputs.spec.ref.branch === "main");
  const { metadata, spec } = named(declared, "Kustomization", "shop");
  assert.equal(metadata.namespace, "shop");
  assert.deepEqual(spec, {
    sourceRef: { kind: "GitRepository", name: source?.inputs.metadata.name, namespace: "flux-system" },
    path: "./apps/shop",
    targetNamespace: "shop",
    kubeConfig: { configMapRef: { name: "shop-delivery" } },
    interval: "1m",
    retryInterval: "1m",
    timeout: "2m",
    prune: true,
    suspend: false,
    wait: true,
    force: false,
    deletionPolicy: "MirrorPrune",
    dependsOn: [],
  });
});

test("every argument of an app arrives", () => {
  const { metadata, spec } = named(declared, "Kustomization", "site");
  assert.equal(metadata.namespace, "www");
  assert.deepEqual(
    [spec.path, spec.interval, spec.retryInterval, spec.timeout, spec.prune, spec.dependsOn],
    [
      "./apps/web",
      "10s",
      "10s",
      "3m",
      false,
      [
        { namespace: "shop", name: "shop" },
        { namespace: "db", name: "postgres" },
      ],
    ],
  );
  assert.deepEqual(named(declared, "Namespace", "www").metadata, {
    name: "www",
    labels: {
      "pod-security.kubernetes.io/enforce": "restricted",
      "pod-security.kubernetes.io/audit": "restricted",
      "pod-security.kubernetes.io/warn": "restricted",
      "plumbline.dev/app": "site",
    },
    annotations: {
      "plumbline.dev/source": `${repository}#main:./apps/web`,
      "plumbline.dev/expose": "front:8080",
    },
  });
  assert.deepEqual(named(changed, "Namespace", "shop").metadata.labels, { team: "a" });
});

test("images, health and suspension of an app arrive", () => {
  const { spec } = named(declared, "Kustomization", "rich");
  assert.deepEqual(spec.images, [
    { name: "web", newTag: "v2" },
    { name: "r.example/db", digest: `sha256:${"d".repeat(64)}` },
  ]);
  assert.deepEqual(spec.healthCheckExprs, [{ apiVersion: "example.com/v1", kind: "Db", current: "true" }]);
  assert.equal(spec.suspend, true);
});

test("an app names one revision, and values as an object", () => {
  const agent = { deliver: () => assert.fail() };
  const refused = (args: object, field: string) =>
    assert.throws(() => new App("bad", { repository, path: "a", ...args }, { agent }), {
      message: new RegExp(`^App bad: 1 problem\n {2}${field}: found `),
    });
  refused({ branch: "a", tag: "b" }, "tag");
  refused({ kind: "helm", values: "[1]" }, "values");
  refused({ kind: "helm", values: "{" }, "values");
  refused({ values: "{}" }, "values");
});

test("apps of one branch share a Git source, which source-controller may reach", () => {
  const sources = ofKind(declared, "GitRepository");
  assert.deepEqual(
    sources.map(({ inputs }) => [inputs.spec, inputs.metadata.namespace]).sort(),
    [
      ...[
        { branch: "main" },
        { branch: "next" },
        { tag: "v1.2.0" },
        { semver: ">=1.0.0" },
        { commit: "c".repeat(40) },
      ].map((ref) => [{ url: repository, ref, interval: "1m", timeout: "60s" }, "flux-system"]),
    ].sort(),
  );
  for (const { inputs } of sources) {
    assert.match(inputs.metadata.name, /^platform-[0-9a-z-]+-[0-9a-f]{6}$/);
    const opening = named(declared, "NetworkPolicy", `to-git-${inputs.metadata.name}`);
    assert.deepEqual(opening.spec.egress, [{ ports: [{ protocol: "TCP", port: 3000 }] }]);
  }
});

test("the agent's namespace denies what is not opened by name", () => {
  assert.deepEqual(named(declared, "NetworkPolicy", "default-deny").spec, {
    podSelector: {},
    policyTypes: ["Ingress", "Egress"],
  });
  assert.deepEqual(named(declared, "NetworkPolicy", "kustomize-controller").spec.egress, [
    {
      to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "source-controller" } } }],
      ports: [{ protocol: "TCP", port: 9090 }],
    },
  ]);
});

test("the notifier finds sources everywhere and may patch those of the agent", () => {
  assert.deepEqual(named(declared, "ClusterRole", "plumbline:git-notifier").rules, [
    { apiGroups: ["source.toolkit.fluxcd.io"], resources: ["gitrepositories", "helmcharts"], verbs: ["list"] },
    { apiGroups: ["kustomize.toolkit.fluxcd.io"], resources: ["kustomizations"], verbs: ["get", "list"] },
  ]);
  assert.deepEqual(named(declared, "Role", "plumbline:git-notifier").rules, [
    { apiGroups: ["source.toolkit.fluxcd.io"], resources: ["gitrepositories"], verbs: ["get", "patch"] },
  ]);
  for (const kind of ["ClusterRoleBinding", "RoleBinding"]) {
    assert.deepEqual(named(declared, kind, "plumbline:git-notifier").subjects, [
      { kind: "User", name: "plumbline:git-notifier", apiGroup: "rbac.authorization.k8s.io" },
    ]);
  }
});

test("namespace, mirror and transforms of Flux arrive", () => {
  for (const name of ["source-controller", "kustomize-controller"] as const) {
    assert.equal(container(declared, name).image, images[name].reference);
    assert.equal(container(changed, name).image, images[name].reference.replace("ghcr.io", "registry.example/mirror"));
    assert.equal(named(declared, "Deployment", name).metadata.namespace, "flux-system");
    assert.equal(named(changed, "Deployment", name).metadata.namespace, "delivery");
  }
  assert.ok(
    container(changed, "source-controller").args.includes(
      "--storage-adv-addr=source-controller.delivery.svc.cluster.local.",
    ),
  );
  // What fails for long is tried again each minute all the same, and goes when it is told to.
  assert.ok(container(changed, "source-controller").args.includes("--max-retry-delay=1m"));
  assert.equal(named(changed, "Deployment", "source-controller").spec.replicas, 0);
  assert.equal(named(changed, "Deployment", "kustomize-controller").spec.replicas, 3);
});

test("missing definitions are an error that names the places and the way out", () => {
  const { PLUMBLINE_CRDS } = process.env;
  process.env.PLUMBLINE_CRDS = "/nowhere";
  try {
    assert.throws(
      () => readDefinitions(["no.such_kind", "other"]),
      /none of \/nowhere, .*\n`npm run crds --workspace components`/,
    );
  } finally {
    process.env.PLUMBLINE_CRDS = PLUMBLINE_CRDS;
  }
});

test("what lies outside of repositories is fetched through the ports that are named, and else not", async () => {
  const flags = (resources: readonly Declared[]): string[] => container(resources, "kustomize-controller").args;
  assert.ok(flags(declared).includes("--no-remote-bases"));
  assert.equal(flux().remoteBases, false);
  const opened = await record(() => {
    const agent = new Flux("agent", { remotePorts: [443, 8443] });
    new App("shop", { repository, path: "apps/shop" }, { agent });
  });
  assert.ok(!flags(opened).includes("--no-remote-bases"));
  for (const program of ["source-controller", "kustomize-controller"]) {
    const { spec } = named(opened, "NetworkPolicy", `${program}-to-remotes`);
    assert.deepEqual(spec.podSelector, { matchLabels: { "app.kubernetes.io/name": program } });
    assert.deepEqual(spec.egress, [{ ports: [443, 8443].map((port) => ({ protocol: "TCP", port })) }]);
  }
  assert.equal(
    ofKind(declared, "NetworkPolicy").filter(({ inputs }) => /remotes/.test(inputs.metadata.name)).length,
    0,
  );
  assert.equal(flux({ remotePorts: [443] }).remoteBases, true);
});
