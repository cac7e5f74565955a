// Does the program that knows GitHub's workflows find a fault in ours?
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { root } from "../../../engine/folders.ts";
import { resolve } from "../../../engine/resolve.ts";

test("actionlint finds nothing in the workflow", async () => {
  const actionlint = (await resolve(["actionlint"])).get("actionlint")?.path ?? "";
  const { stdout, exitCode } = await execa(actionlint, ["-no-color", join(root, "ci", "github.yml")], {
    reject: false,
  });
  assert.deepEqual([exitCode, stdout], [0, ""]);
});

test("actionlint would find one", async () => {
  const actionlint = (await resolve(["actionlint"])).get("actionlint")?.path ?? "";
  const input =
    "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n        if: nothing.there\n";
  const { stdout, exitCode } = await execa(actionlint, ["-no-color", "-"], { input, reject: false });
  assert.equal(exitCode, 1);
  assert.match(stdout, /undefined variable "nothing"/);
});
