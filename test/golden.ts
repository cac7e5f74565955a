// Is what is generated still what people reviewed? Golden files; `PLUMBLINE_UPDATE=1 npm test -- <file>` writes them anew.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { root } from "../engine/folders.ts";

/** Compares a value with `test/golden/<name>.yaml`. */
export const golden = (name: string, value: unknown): void => {
  const path = join(root, "test", "golden", `${name}.yaml`);
  const text = dump(value, { lineWidth: -1, sortKeys: true });
  if (process.env.PLUMBLINE_UPDATE) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(text, readFileSync(path, "utf8"), `${path} holds something else`);
};
