import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findOnPath, installed, older } from "../../../engine/installed.ts";

// Node itself is the program that is looked for: a real one, which says its version as they all do.
const folder = mkdtempSync(join(tmpdir(), "plumbline-path-"));
const { PATH } = process.env;
const version = process.versions.node;
const how = { args: ["--version"], version: /v(\d+\.\d+\.\d+)/ };

before(() => {
  symlinkSync(process.execPath, join(folder, "kubectl"));
  writeFileSync(join(folder, "shim"), "#!/bin/sh\nexec node --version\n", { mode: 0o755 });
  writeFileSync(join(folder, "plain"), "not executable");
  copyFileSync(process.execPath, join(folder, "plain-elf"));
  process.env.PATH = folder;
});
after(() => {
  process.env.PATH = PATH;
  rmSync(folder, { recursive: true, force: true });
});

test("a program of exactly the wanted version is taken", async () => {
  assert.deepEqual(await installed("kubectl", version, how), {
    path: join(folder, "kubectl"),
    version,
    refused: undefined,
  });
});

test("another version is refused, unless a later one will do", async () => {
  const [major = 0] = version.split(".").map(Number);
  assert.equal((await installed("kubectl", "1.2.3", how))?.refused, `version ${version} instead of 1.2.3`);
  assert.equal((await installed("kubectl", "1.2.3", { ...how, atLeast: "1.2.3" }))?.refused, undefined);
  const later = `${major + 1}.0.0`;
  assert.equal(
    (await installed("kubectl", later, { ...how, atLeast: later }))?.refused,
    `version ${version} instead of ${later} or later`,
  );
});

test("what would not work inside the cluster is refused: scripts, and dynamic programs where a static one is wanted", async () => {
  assert.equal((await installed("shim", version, how))?.refused, "it is a script, not a program");
  assert.equal((await installed("kubectl", version, { ...how, static: true }))?.refused, "it is not statically linked");
});

test("a program that says no version is refused", async () => {
  assert.equal(
    (await installed("kubectl", version, { args: ["--eval", "0"], version: how.version }))?.refused,
    "it does not say its version",
  );
});

test("a program that belongs to another lies beside it", async () => {
  assert.equal(
    (await installed("plain-elf", version, { ...how, beside: "kubectl" }))?.path,
    undefined, // Node's real folder has no such program
  );
  assert.equal(await installed("missing", version, how), undefined);
});

test("files that cannot be executed are not programs", () => {
  assert.equal(findOnPath("plain"), undefined);
  assert.equal(findOnPath("shim"), join(folder, "shim"));
  assert.equal(findOnPath("elsewhere", [folder]), undefined);
});

test("versions compare by number", () => {
  assert.equal(older("1.9.0", "1.10.0"), true);
  assert.equal(older("1.26.6", "1.26.6"), false);
  assert.equal(older("1.27", "1.26.9"), false);
  assert.equal(older("1.26rc1", "1.26.1"), false);
});
