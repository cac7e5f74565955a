// Is everything public explained? The tool that writes the reference says what lacks a word, an example or a default.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { root } from "../../../engine/folders.ts";

/** What typedoc knows of a declaration: the fields that are looked at. */
interface Reflection {
  readonly name: string;
  readonly id: number;
  readonly flags?: { readonly isOptional?: boolean };
  readonly comment?: { readonly summary?: unknown; readonly blockTags?: readonly { readonly tag: string }[] };
  readonly extendedTypes?: readonly { readonly name: string }[];
  readonly children?: readonly Reflection[];
  readonly categories?: readonly { readonly title: string; readonly children: readonly number[] }[];
}

const folder = mkdtempSync(join(tmpdir(), "plumbline-reference-"));
after(() => rmSync(folder, { recursive: true }));
let written: { readonly exitCode?: number | undefined; readonly all: string };
let library: Reflection;
before(async () => {
  const typedoc = join(root, "node_modules", "typedoc", "bin", "typedoc");
  const json = join(folder, "reference.json");
  const out = ["--out", join(folder, "pages"), "--json", json];
  const options = { cwd: root, reject: false, all: true, env: { NO_COLOR: "1" } } as const;
  written = await execa(process.execPath, [typedoc, ...out, "--treatWarningsAsErrors"], options);
  library = JSON.parse(readFileSync(json, "utf8")) as Reflection;
});

test("every public component, argument list and function is documented, and every link leads somewhere", () => {
  assert.equal(written.exitCode, 0, written.all);
});

test("every component has an example", () => {
  const components = (library.children ?? []).filter(({ extendedTypes }) =>
    extendedTypes?.some(({ name }) => name === "ComponentResource"),
  );
  assert.ok(components.length >= 15);
  const without = components.filter(({ comment }) => !comment?.blockTags?.some(({ tag }) => tag === "@example"));
  assert.deepEqual(
    without.map(({ name }) => name),
    [],
  );
});

test("every argument that may be left out says what then holds, unless it is one of several", () => {
  const silent = (library.children ?? [])
    .filter(({ name, comment }) => name.endsWith("Args") && !/one of|Either/.test(JSON.stringify(comment?.summary)))
    .flatMap(({ name, children = [] }) =>
      children
        .filter(({ flags, comment }) => flags?.isOptional && !/Default/.test(JSON.stringify(comment?.summary)))
        .map((argument) => `${name}.${argument.name}`),
    );
  assert.deepEqual(silent, []);
});

test("the reference has a chapter for each slot", () => {
  const chapters = new Map((library.categories ?? []).map(({ title, children }) => [title, children]));
  for (const slot of [
    "agent",
    "certificates",
    "cluster",
    "collector",
    "dashboards",
    "ingress",
    "logs",
    "metrics",
    "registry",
    "secrets",
  ]) {
    assert.ok(chapters.has(slot), slot);
  }
  const grafana = library.children?.find(({ name }) => name === "Grafana")?.id;
  assert.ok(grafana && chapters.get("dashboards")?.includes(grafana));
});
