// Can other languages use the components? Pulumi's own analyzer, which `pulumi package add` runs, reads every one of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { ComponentResource } from "@pulumi/pulumi";
import * as atAws from "../../components/aws.ts";
import * as library from "../../components/index.ts";

// Not among the exports of the SDK; it is what its provider host calls for a package of components.
const { Analyzer } = createRequire(import.meta.url)("@pulumi/pulumi/provider/experimental/analyzer.js") as {
  Analyzer: new (
    folder: string,
    name: string,
    manifest: object,
    components: Set<string>,
  ) => {
    analyze: () => {
      components: Record<string, { description?: string; inputs: Record<string, { description?: string }> }>;
    };
  };
};

const folder = join(import.meta.dirname, "..", "..", "components");
// A stack's definition is code of this library, which no other language could write.
const forTypeScriptAlone = ["Platform"];
const componentsOf = (entry: object): string[] =>
  Object.entries(entry)
    .filter(([, value]) => typeof value === "function" && value.prototype instanceof ComponentResource)
    .map(([name]) => name)
    .filter((name) => !forTypeScriptAlone.includes(name));
const names = [...componentsOf(library), ...componentsOf(atAws)];

let found: ReturnType<InstanceType<typeof Analyzer>["analyze"]>["components"];
before(() => {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as object;
  const analyzer = new Analyzer(folder, "plumbline", manifest, new Set(componentsOf(library)));
  analyzer.analyze();
  // The types are read once; from the other entry, the components are found that need the provider of AWS.
  Object.assign(analyzer, { packageJSON: { main: "./aws.ts" }, componentNames: new Set(componentsOf(atAws)) });
  found = analyzer.analyze().components;
});

test("every exported component is understood", () => {
  assert.ok(names.length >= 8);
  assert.deepEqual(Object.keys(found).sort(), names.toSorted());
});

for (const name of names) {
  test(`${name} and each of its arguments are described`, () => {
    const component = found[name];
    assert.ok(component?.description, name);
    for (const [input, { description }] of Object.entries(component.inputs)) assert.ok(description, `${name}.${input}`);
  });
}

test("the arguments of an app reach other languages", () => {
  assert.deepEqual(Object.keys(found.App?.inputs ?? {}).sort(), [
    "awaited",
    "branch",
    "commit",
    "credentials",
    "dependsOn",
    "digest",
    "expose",
    "health",
    "images",
    "interval",
    "kind",
    "name",
    "namespace",
    "path",
    "prune",
    "repository",
    "semver",
    "suspend",
    "tag",
    "timeout",
    "values",
    "valuesFiles",
    "verify",
  ]);
});
