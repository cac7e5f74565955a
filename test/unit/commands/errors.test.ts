// Every error code stands in docs/errors.md, and that page names none that does not exist.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../../engine/folders.ts";

const codes = new Set(
  globSync(["commands/*.ts", "engine/*.ts", "local/*.ts"], { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/new (?:Failure|EngineError)\(\s*"([A-Z_]+)"/g)].map(
      (match) => match[1] ?? "",
    ),
  ),
);
const page = readFileSync(join(root, "docs", "errors.md"), "utf8");

test("docs/errors.md names every code", () => {
  assert.ok(codes.size > 10);
  assert.deepEqual(
    [...codes].filter((code) => !page.includes(`\`${code}\``)),
    [],
  );
});

test("docs/errors.md names no code that nothing throws", () => {
  const named = [...page.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap((match) =>
    [...(match[1] ?? "").matchAll(/[A-Z_]+/g)].map((each) => each[0]),
  );
  assert.ok(named.length > 10);
  const thrown = readFileSync(join(root, "engine", "errors.ts"), "utf8");
  assert.deepEqual(
    named.filter((code) => !codes.has(code) && !thrown.includes(`"${code}"`)),
    [],
  );
});
