// What a folder may import follows from where it lies: docs/architecture.md has the table, this holds it.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { root } from "../../engine/folders.ts";

/** Folder → folders that its files may import from, beside itself and packages. */
const allowed: Record<string, readonly string[]> = {
  components: [],
  stacks: ["components"],
  policies: ["components"],
  engine: [],
  local: ["engine", "policies"],
  commands: ["components", "stacks", "policies", "engine", "local", "bench", "test"],
  bench: ["components", "stacks", "policies", "engine", "local", "commands", "test"],
};

const sources = globSync(
  Object.keys(allowed).map((folder) => `${folder}/**/*.{ts,js}`),
  {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(String(path)),
  },
);

const imports = (file: string): string[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(/(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g)].map(
    (match) => relative(root, join(root, dirname(file), match[1] ?? "")),
  );

test("imports point the way docs/architecture.md says", () => {
  assert.ok(sources.length > 50, `only ${sources.length} files were looked at`);
  const wrong = sources.flatMap((file) => {
    const own = file.split("/")[0] ?? "";
    return imports(file)
      .filter((target) => target.split("/")[0] !== own && !allowed[own]?.includes(target.split("/")[0] ?? ""))
      .map((target) => `${file} imports ${target}`);
  });
  assert.deepEqual(wrong, []);
});

test("a slot imports no other slot's implementation", () => {
  const slots = [
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
  ];
  const wrong = sources
    .filter((file) => slots.includes(file.split("/")[1] ?? "") && file.startsWith("components/"))
    .flatMap((file) =>
      imports(file)
        .filter((target) => {
          const [, slot, name] = target.split("/");
          return slot !== file.split("/")[1] && slots.includes(slot ?? "") && name !== `${slot}.ts`;
        })
        .map((target) => `${file} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

test("whoever imports the library without its entry for AWS loads nothing of Pulumi's provider of AWS", () => {
  const reached = new Set<string>();
  const reach = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const target of imports(file)) reach(target);
  };
  const ofAws = () =>
    [...reached].filter((file) => readFileSync(join(root, file), "utf8").includes('from "@pulumi/aws/')).sort();
  reach("components/index.ts");
  assert.ok(reached.size > 100, `only ${reached.size} files are reached`);
  assert.deepEqual(ofAws(), []);
  reach("components/aws.ts");
  assert.ok(ofAws().length > 5);
});

test("every file says in its first line what it answers, and none is too long to be read in one sitting", () => {
  for (const file of sources.filter((each) => each.endsWith(".ts"))) {
    const text = readFileSync(join(root, file), "utf8");
    assert.match(text, /^(#!.*\n)?(\/\/ |\/\*\*? )\S/, `${file} has no first line that says what it answers`);
    const lines = text.split("\n").length;
    assert.ok(lines <= 400, `${file} has ${lines} lines`);
  }
});

test("every link between pages leads somewhere", () => {
  const pages = globSync(["*.md", "docs/*.md"], { cwd: root });
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)]
      .map((match) => join(dirname(page), match[1] ?? ""))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${page} → ${target}`),
  );
  assert.deepEqual(broken, []);
});
