// Is everything public explained? The tool that writes the reference says what lacks a word.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { root } from "../../../engine/folders.ts";

test("every public component, argument list and function is documented, and every link leads somewhere", async () => {
  const typedoc = join(root, "node_modules", "typedoc", "bin", "typedoc");
  const { exitCode, all } = await execa(process.execPath, [typedoc, "--emit", "none", "--treatWarningsAsErrors"], {
    cwd: root,
    reject: false,
    all: true,
    env: { NO_COLOR: "1" },
  });
  assert.equal(exitCode, 0, all);
});
