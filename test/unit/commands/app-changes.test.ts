import assert from "node:assert/strict";
import { test } from "node:test";
import { changesBetween } from "../../../commands/app-changes.ts";
import { outputs, reportOf } from "../../../commands/diff-report.ts";
import type { RenderedObject } from "../../../components/delivery/render.ts";

const object = (kind: string, fields: object = {}, name = "web", apiVersion = "apps/v1"): RenderedObject => ({
  object: { apiVersion, kind, metadata: { name, namespace: "shop" }, ...fields },
  file: "apps/shop/web.yaml",
  line: 3,
});
const one = (before: RenderedObject, after: RenderedObject) => {
  const [change, ...more] = changesBetween([before], [after]);
  assert.deepEqual(more, []);
  return change ?? assert.fail("no change");
};

test("equal objects are no change, whatever the order of their fields and of both lists", () => {
  const [a, b] = [object("Deployment", { spec: { replicas: 1, paused: false } }), object("Service")];
  const again = object("Deployment", { spec: { paused: false, replicas: 1 } });
  assert.deepEqual(changesBetween([a, b], [b, again]), []);
});

test("deletions come first, then changes, then additions, each with its place", () => {
  const changes = changesBetween(
    [object("Service", {}, "gone"), object("ConfigMap", { data: { a: "1" } })],
    [object("ConfigMap", { data: { a: "2", b: "3" } }), object("Service", {}, "new")],
  );
  assert.deepEqual(
    changes.map(({ change, object: name, place }) => [change, name, place]),
    [
      ["deleted", "Service shop/gone", "apps/shop/web.yaml:3"],
      ["changed", "ConfigMap shop/web", "apps/shop/web.yaml:3"],
      ["added", "Service shop/new", "apps/shop/web.yaml:3"],
    ],
  );
  assert.deepEqual(changes[1]?.fields, [
    { field: "data.a", before: "1", after: "2" },
    { field: "data.b", before: undefined, after: "3" },
  ]);
});

test("another version of a group is the same object, another group is not", () => {
  assert.equal(
    one(object("Ingress", {}, "w", "x.io/v1beta1"), object("Ingress", {}, "w", "x.io/v1")).change,
    "changed",
  );
  assert.equal(
    changesBetween([object("Ingress", {}, "w", "x.io/v1")], [object("Ingress", {}, "w", "y.io/v1")]).length,
    2,
  );
});

test("what a Secret holds is hidden, and that it changes is told", () => {
  const [before, after] = ["first", "second"].map((value) =>
    object("Secret", { data: { key: value }, type: "Opaque" }, "s", "v1"),
  );
  const change = one(before as RenderedObject, after as RenderedObject);
  assert.deepEqual(change.fields, [{ field: "data.key", before: "(hidden)", after: "(hidden)" }]);
  for (const output of outputs) {
    assert.doesNotMatch(
      reportOf([{ app: "a", from: "1", to: "2", changes: [change], violations: [], irreproducible: [] }], output),
      /first|second/,
    );
  }
});

for (const [kind, restarts] of [
  ["Deployment", true],
  ["StatefulSet", true],
  ["DaemonSet", true],
  ["CronJob", false],
] as const) {
  test(`another template ${restarts ? "restarts" : "does not restart"} the pods of a ${kind}`, () => {
    const of = (image: string) =>
      object(kind, { spec: { replicas: 1, template: { spec: { containers: [{ name: "a", image }] } } } });
    assert.equal(one(of("x:1"), of("x:2")).restarts, restarts);
  });
}
test("another number of replicas restarts nothing", () =>
  assert.equal(
    one(object("Deployment", { spec: { replicas: 1 } }), object("Deployment", { spec: { replicas: 2 } })).restarts,
    false,
  ));

const destructive: [string, object, object, RegExp][] = [
  [
    "Deployment",
    { spec: { selector: { a: "b" } } },
    { spec: { selector: { a: "c" } } },
    /^spec\.selector\.a cannot be changed/,
  ],
  [
    "StatefulSet",
    { spec: { serviceName: "a" } },
    { spec: { serviceName: "b" } },
    /^spec\.serviceName cannot be changed/,
  ],
  ["Job", { spec: { template: { a: 1 } } }, { spec: { template: { a: 2 } } }, /^spec\.template\.a cannot/],
  [
    "PersistentVolumeClaim",
    { spec: { storageClassName: "a" } },
    { spec: { storageClassName: "b" } },
    /^spec\.storageClassName cannot/,
  ],
  ["Service", { spec: { clusterIP: "10.0.0.1" } }, { spec: { clusterIP: "10.0.0.2" } }, /^spec\.clusterIP cannot/],
  ["RoleBinding", { roleRef: { name: "a" } }, { roleRef: { name: "b" } }, /^roleRef\.name cannot/],
  ["ConfigMap", { immutable: true, data: { a: "1" } }, { immutable: true, data: { a: "2" } }, /^data\.a cannot/],
  [
    "CustomResourceDefinition",
    { spec: { versions: [{ name: "v1" }] } },
    { spec: { versions: [{ name: "v2" }] } },
    /may no longer be read/,
  ],
];
test("what the deployer of an app may not write is said to be refused, with the way out", () => {
  const definition = { ...object("CustomResourceDefinition", {}, "shops.example.com", "apiextensions.k8s.io/v1") };
  const custom = object("Shop", {}, "first", "example.com/v1");
  const elsewhere = { ...object("Service", {}, "web", "v1") };
  const changes = changesBetween([], [definition, custom, elsewhere, object("Deployment")], "shop");
  const said = Object.fromEntries(changes.map(({ object: name, destructive: why }) => [name, why[0] ?? ""]));
  assert.match(
    said["CustomResourceDefinition shop/shops.example.com"] ?? "",
    /^the API server refuses it, and the commit is not delivered: an app may not bring a CustomResourceDefinition of apiextensions\.k8s\.io: have the platform bring it/,
  );
  assert.match(said["Shop shop/first"] ?? "", /may not bring a Shop of example\.com/);
  assert.equal(said["Service shop/web"], "");
  assert.equal(said["Deployment shop/web"], "");
  const moved = changesBetween(
    [elsewhere],
    [{ ...elsewhere, object: { ...elsewhere.object, spec: {} } } as never],
    "www",
  );
  assert.match(moved[0]?.destructive[0] ?? "", /may not write into the namespace shop, but into www alone/);
});

for (const [kind, before, after, reason] of destructive) {
  test(`what the API server refuses of a ${kind} is told before`, () =>
    assert.match(one(object(kind, before), object(kind, after)).destructive[0] ?? "", reason));
}
const harmless: [string, object, object][] = [
  ["StatefulSet", { spec: { replicas: 1, template: { a: 1 } } }, { spec: { replicas: 2, template: { a: 2 } } }],
  [
    "PersistentVolumeClaim",
    { spec: { resources: { requests: { storage: "1Gi" } } } },
    { spec: { resources: { requests: { storage: "2Gi" } } } },
  ],
  ["ConfigMap", { data: { a: "1" } }, { data: { a: "2" } }],
  ["Service", { spec: { ports: [{ port: 1 }] } }, { spec: { ports: [{ port: 2 }] } }],
];
for (const [kind, before, after] of harmless) {
  test(`what may change of a ${kind} is not called destructive`, () =>
    assert.deepEqual(one(object(kind, before), object(kind, after)).destructive, []));
}
for (const [kind, lost] of [
  ["PersistentVolumeClaim", 1],
  ["CustomResourceDefinition", 1],
  ["Namespace", 1],
  ["Deployment", 0],
] as const) {
  test(`a ${kind} that goes takes ${lost ? "" : "no "}data with it`, () =>
    assert.equal(changesBetween([object(kind)], [])[0]?.destructive.length, lost));
}

test("a report has no markup of what it reports", () => {
  const changes = changesBetween(
    [object("ConfigMap", { data: { a: "1" } })],
    [object("ConfigMap", { data: { a: "| @all <img> `x`" } })],
  );
  const comment = reportOf([{ app: "a", from: "1", to: "2", changes, violations: [], irreproducible: [] }], "markdown");
  assert.doesNotMatch(comment, /@all|<img>|\| \|.*\| \|$/m);
  assert.match(
    comment,
    /^\*\*1 app: 0 added, 1 changed, 0 deleted; pods of 0 objects restart; 0 destructive; 0 rules broken\*\*/,
  );
});

test("a page tells what a comment tells, of its own alone: no script, nothing loaded, no markup of the repository", () => {
  const changes = [
    one(object("ConfigMap", { data: { a: "1" } }), object("ConfigMap", { data: { a: '<script src="//x">"&' } })),
    ...changesBetween([object("PersistentVolumeClaim")], []),
  ];
  const violations = [{ place: "a.yaml:1", object: "Pod shop/<b>", message: "host-namespaces: <i>" }];
  const irreproducible = [{ file: "t/<u>.yaml", line: 2, uses: "now" }];
  const same = { app: "still", from: "1", to: "2", changes: [], violations: [], irreproducible: [] };
  const page = reportOf([{ app: "a<h1>", from: "1", to: "2", changes, violations, irreproducible }, same], "html");
  const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag));
  for (const tag of ["script", "i", "u"]) assert.ok(!tags.has(tag), tag);
  assert.doesNotMatch(page, /Pod shop\/<b>|a<h1>| (src|onclick)="/);
  assert.match(page, /&lt;script src=\\?&quot;\/\/x/);
  assert.match(page, /<h1>1 app: 0 added, 1 changed, 1 deleted; .* 1 destructive; 1 rule broken<\/h1>/);
  assert.match(page, /its volume goes with it/);
  assert.match(page, /t\/&lt;u&gt;\.yaml:2: now may give/);
  assert.match(page, /As they are: still/);
});

test("nothing is told of apps that stay as they are", () => {
  const same = { app: "a", from: "1", to: "2", changes: [], violations: [], irreproducible: [] };
  assert.match(reportOf([same, same], "text"), /Nothing changes in 2 apps\.\n$/);
  assert.equal(reportOf([same], "markdown"), "Nothing changes in 1 app.\n");
  assert.match(reportOf([same], "html"), /<h1>Nothing changes<\/h1>/);
  assert.deepEqual(JSON.parse(reportOf([same], "json")), { apps: [same] });
});
