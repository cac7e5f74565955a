import assert from "node:assert/strict";
import { test } from "node:test";
import { app, apps } from "../../../components/index.ts";
import { settingsProblems } from "../../../components/settings.ts";

const shop = app({ name: "shop", source: { path: "apps/shop" } });
const good = {
  name: "test",
  git: { url: "http://git.example/p.git", branch: "main" },
  cluster: { slot: "cluster", implementation: "fake", needs: [], build: () => assert.fail() },
  apps: [shop],
};
const fields = (settings: unknown) => settingsProblems(settings).map(({ field, allowed }) => `${field}: ${allowed}`);

test("good settings have no problem", () => assert.deepEqual(fields(good), []));

const credentials = { sshKey: { config: "key" }, knownHosts: "git.example ssh-ed25519 AAAA" };
for (const git of [{ url: "https://git.example/p.git" }, { url: "ssh://git@git.example:2222/p.git", credentials }]) {
  test(`${git.url} is a Git URL`, () => assert.deepEqual(fields({ ...good, git: { ...git, branch: "main" } }), []));
}
for (const url of ["file:///p", "git.example/p", "", 7]) {
  test(`${JSON.stringify(url)} is no Git URL`, () =>
    assert.deepEqual(fields({ ...good, git: { url, branch: "main" } }), [
      "settings.git.url: an http, https or ssh URL that is reached from inside the cluster",
    ]));
}
for (const branch of ["-x", "a b", "a..~", ""]) {
  test(`${JSON.stringify(branch)} is no branch`, () =>
    assert.deepEqual(fields({ ...good, git: { ...good.git, branch } }), ["settings.git.branch: the name of a branch"]));
}

test("settings that are nothing at all are a problem, not a crash", () => {
  assert.deepEqual(fields(undefined).length, 1);
  assert.deepEqual(fields({}).length, 4);
});

test("two apps cannot share a namespace", () => {
  const other = app({ name: "other", namespace: "shop", source: { path: "x" } });
  assert.deepEqual(fields({ ...good, apps: [shop, other] }), [
    'settings.apps.other.namespace: a namespace of its own: "shop" has this one',
  ]);
});

test("an app depends on apps of its platform alone, and not in a circle", () => {
  const a = app({ name: "a", source: { path: "a" }, dependsOn: ["b"] });
  const b = app({ name: "b", source: { path: "b" }, dependsOn: ["a", "c"] });
  assert.deepEqual(fields({ ...good, apps: [a, b] }), [
    "settings.apps.b.dependsOn.1: another app of this platform: a",
    "settings.apps.a.dependsOn: dependencies without a cycle",
  ]);
});

for (const revision of [
  "next",
  { branch: "next" },
  { tag: "v1.2.0" },
  { semver: "~1.2" },
  { commit: "a".repeat(40) },
]) {
  test(`${JSON.stringify(revision)} is a revision`, () =>
    assert.equal(app({ name: "shop", source: { path: "x", revision } }).source.revision, revision));
}

test("apps of a directory are no apps until Git was asked, and may be depended on before", () => {
  const both = [apps({ path: "apps/*" }), app({ name: "a", source: { path: "a" }, dependsOn: ["shop"] })];
  assert.deepEqual(fields({ ...good, apps: both }), []);
});
for (const path of ["apps", "/apps/*", "a*/*", "../*", "apps/**"]) {
  test(`${path} is no directory of apps`, () =>
    assert.throws(() => apps({ path }), /^InvalidDeclaration: apps: 1 problem\n {2}apps\..*\.path: /));
}

const wrong: [string, Record<string, unknown>, string][] = [
  ["an upper-case name", { name: "Shop" }, "apps.Shop.name"],
  ["an absolute path", { source: { path: "/apps" } }, "apps.shop.source.path"],
  ["a path that leaves the repository", { source: { path: "apps/../../x" } }, "apps.shop.source.path"],
  ["no path", { source: {} }, "apps.shop.source.path"],
  ["an interval without a unit", { interval: "30" }, "apps.shop.interval"],
  ["a timeout that is a number", { timeout: 30 }, "apps.shop.timeout"],
  ["a port of 0", { expose: { service: "web", port: 0 } }, "apps.shop.expose.port"],
  [
    "a revision of two kinds",
    { source: { path: "x", revision: { branch: "a", tag: "b" } } },
    "apps.shop.source.revision",
  ],
  ["an abbreviated commit", { source: { path: "x", revision: { commit: "abc" } } }, "apps.shop.source.revision.commit"],
  ["an unknown kind", { kind: "jsonnet" }, "apps.shop.kind"],
  ["values without a chart", { kind: "yaml", values: { a: 1 } }, "apps.shop.values"],
  ["values of another chart", { kind: "helm", valuesFiles: ["../x.yaml"] }, "apps.shop.valuesFiles.0"],
  ["images of a chart", { kind: "helm", images: { web: "v2" } }, "apps.shop.images"],
  ["an image with its tag", { images: { "web:v1": "v2" } }, "apps.shop.images.web:v1"],
  ["a digest that is none", { images: { web: "sha256:abc" } }, "apps.shop.images.web"],
  [
    "health without an expression",
    { health: [{ apiVersion: "e.x/v1", kind: "K", current: "" }] },
    "apps.shop.health.0.current",
  ],
  ["an unknown model", { model: "teleport" }, "apps.shop.model"],
  ["an unknown field", { intervall: "30s" }, "apps.shop.intervall"],
];
for (const [what, change, field] of wrong) {
  test(`an app with ${what} is refused`, () =>
    assert.throws(() => app({ name: "shop", source: { path: "apps/shop" }, ...change } as never), {
      name: "InvalidDeclaration",
      message: new RegExp(`^app: 1 problem\\n {2}${field.replaceAll(".", "\\.")}: found .*; allowed: .+$`),
    }));
}
