// Definitions of kinds in the files of a release: each by its own name, however the release divides and names its files.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { definitionSources, definitionsIn } from "../../../components/definition-sources.ts";
import { root } from "../../../engine/folders.ts";

const crd = (name: string): string =>
  `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    a: b\n  name: ${name}\nspec: {}\n`;

test("several definitions of one file are found under group and plural, other kinds are not", () => {
  const other = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: not-mine\n";
  const found = definitionsIn(`---\n${crd("ingressroutes.traefik.io")}---\n${other}--- # next\n${crd("issuers.a.b")}`);
  assert.deepEqual(Object.keys(found), ["traefik.io_ingressroutes", "a.b_issuers"]);
  assert.equal(found["a.b_issuers"], crd("issuers.a.b"));
});

test("what the local platform takes is pinned by a Go module of the repository", () => {
  const missing = definitionSources
    .flatMap(({ pinnedBy }) => (pinnedBy ? [join(root, "engine", "programs", pinnedBy, "go.sum")] : []))
    .filter((file) => !existsSync(file));
  assert.deepEqual(missing, []);
  const places = definitionSources.map(({ module, into = "" }) => `${into}/${module}`);
  assert.equal(new Set(places).size, places.length);
});
