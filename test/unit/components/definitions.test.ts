// Definitions of kinds in the files of a release: each by its own name, however the release divides and names its files.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load } from "js-yaml";
import { definitionSources, definitionsIn } from "../../../components/definition-sources.ts";
import { root } from "../../../engine/folders.ts";

const crd = (name: string): string =>
  `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    a: b\n  name: ${name}\nspec: {}\n`;

test("several definitions of one file are found under group and plural, other kinds are not", () => {
  const other = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: not-mine\n";
  const found = definitionsIn(`---\n${crd("ingressroutes.traefik.io")}---\n${other}--- # next\n${crd("issuers.a.b")}`);
  assert.deepEqual(Object.keys(found), ["traefik.io_ingressroutes", "a.b_issuers"]);
  assert.deepEqual(load(found["a.b_issuers"] ?? ""), load(crd("issuers.a.b")));
});

test("descriptions of fields are left out, fields of that name are not", () => {
  const schema = {
    description: "A kind.",
    type: "object",
    properties: {
      description: { description: "What it is for.", type: "string", default: { description: "kept" } },
      items: { type: "array", items: { description: "One.", properties: { properties: { description: "x" } } } },
    },
  };
  const text = `${crd("issuers.a.b").replace("spec: {}\n", "")}spec: ${JSON.stringify({ schema })}\n`;
  assert.deepEqual((load(definitionsIn(text)["a.b_issuers"] ?? "") as { spec: object }).spec, {
    schema: {
      type: "object",
      properties: {
        description: { type: "string", default: { description: "kept" } },
        items: { type: "array", items: { properties: { properties: {} } } },
      },
    },
  });
});

test("what the local platform takes is pinned by a Go module of the repository", () => {
  const missing = definitionSources
    .flatMap(({ pinnedBy }) => (pinnedBy ? [join(root, "engine", "programs", pinnedBy, "go.sum")] : []))
    .filter((file) => !existsSync(file));
  assert.deepEqual(missing, []);
  const places = definitionSources.map(({ module, into = "" }) => `${into}/${module}`);
  assert.equal(new Set(places).size, places.length);
});
