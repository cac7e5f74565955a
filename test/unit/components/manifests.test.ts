import assert from "node:assert/strict";
import { test } from "node:test";
import { ManifestError, readManifests } from "../../../components/delivery/manifests.ts";

const read = (text: string | Uint8Array) =>
  readManifests(typeof text === "string" ? new TextEncoder().encode(text) : text, "apps/shop/web.yaml");
const only = (text: string) => {
  const [manifest, ...others] = read(text);
  assert.ok(manifest && others.length === 0);
  return manifest.object as unknown as Record<string, Record<string, unknown>>;
};
const data = (yaml: string): unknown =>
  only(`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  value: ${yaml}\n`).data?.value;
const refusal = (text: string | Uint8Array): string => {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof ManifestError, String(error));
    return error.message;
  }
  throw new Error("nothing was refused");
};

// Expected values: what sigs.k8s.io/yaml 1.6 (Go's yaml.v2) makes of the same scalars.
const scalars: [string, unknown][] = [
  ["0644", 420],
  ["0o644", 420],
  ["0x1F", 31],
  ["0b101", 5],
  ["-0x10", -16],
  ["08", 8],
  ["1_000", 1000],
  ["1:30", "1:30"],
  ["2026-11-23", "2026-11-23"],
  ["1e3", 1000],
  [".5", 0.5],
  ["._5", "._5"],
  ["1.2.3", "1.2.3"],
  ["on", true],
  ["Yes", true],
  ["y", true],
  ["OFF", false],
  ["n", false],
  ["nO", "nO"],
  ["~", null],
  ["null", null],
  ["'on'", "on"],
  ['"0644"', "0644"],
  ["!!str 12", "12"],
  ["1e", "1e"],
  ["+5", 5],
];
for (const [yaml, expected] of scalars) {
  test(`the scalar ${yaml} reads as ${JSON.stringify(expected)}`, () => assert.deepEqual(data(yaml), expected));
}

test("all documents are read, empty ones are skipped, each knows its line", () => {
  const found = read(
    "# first\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\n",
  );
  assert.deepEqual(
    found.map(({ line, object }) => [line, object.kind, object.metadata.name]),
    [
      [3, "Service", "a"],
      [8, "Secret", "b"],
    ],
  );
});

test("the items of a List are objects of their own", () => {
  const found = read(
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
  );
  assert.deepEqual(
    found.map(({ object }) => object.metadata.name),
    ["a", "b"],
  );
});

test("anchors and merge keys are followed", () => {
  const found = only(
    "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: {x: '1'}}\ndata:\n  <<: {k: v}\n  l: w\nother: *m\n",
  );
  assert.deepEqual(found.data, { k: "v", l: "w" });
  assert.deepEqual(found.other, { name: "a", labels: { x: "1" } });
});

test("a byte order mark and UTF-16 are read", () => {
  const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
  assert.equal(read(`\ufeff${text}`)[0]?.object.kind, "Pod");
  const utf16 = new Uint8Array([0xff, 0xfe, ...new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer)]);
  assert.equal(read(utf16)[0]?.object.kind, "Pod");
});

const wrong: [string, string | Uint8Array, RegExp][] = [
  [
    "a duplicate key",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nkind: Pod\n",
    /^apps\/shop\/web\.yaml:4:1: duplicated mapping key/,
  ],
  ["a tab", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n", /^apps\/shop\/web\.yaml:4:\d+: .*tab/],
  ["no YAML", "apiVersion: v1\nkind: {\n", /^apps\/shop\/web\.yaml:\d+:\d+: /],
  [
    "no kind",
    "---\napiVersion: v1\nmetadata: {name: a}\n",
    /^apps\/shop\/web\.yaml:2:1: has no kind, which every object needs$/,
  ],
  ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", /^apps\/shop\/web\.yaml:1:1: Pod has no metadata\.name/],
  ["a list of words", "- a\n- b\n", /^apps\/shop\/web\.yaml:1:1: is not a Kubernetes object/],
  [
    "bytes that are no text",
    new Uint8Array([0x61, 0xff, 0x62]),
    /^apps\/shop\/web\.yaml:1:2: is not UTF-8 text: save it as UTF-8$/,
  ],
  [
    "a bomb of aliases",
    `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\na: &a [x]\nb: [${"*a, ".repeat(1001)}]\n`,
    /alias/i,
  ],
];
for (const [what, text, message] of wrong) {
  test(`${what} is refused with its place`, () => assert.match(refusal(text), message));
}
