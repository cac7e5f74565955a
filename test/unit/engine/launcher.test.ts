import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { cacheFolder, root } from "../../../engine/folders.ts";
import { versions } from "../../../engine/versions.ts";

interface Launcher {
  isNewEnough(version: string): boolean;
  nodeFor(version?: string): string;
  packagesAreInstalled(folder?: string): boolean;
}
const path = join(root, "launch.mjs");
const launcher: Launcher = await import(path);
const folder = mkdtempSync(join(tmpdir(), "plumbline-launcher-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("an old Node is replaced by the pinned one in the cache, a new one stays", () => {
  assert.equal(launcher.nodeFor("18.19.1"), join(cacheFolder(), "node", versions.node, "bin", "node"));
  assert.equal(launcher.nodeFor("24.0.0"), process.execPath);
  assert.equal(launcher.isNewEnough("23.11.0"), false);
  assert.equal(launcher.isNewEnough("26.1.0"), true);
});

test("it imports nothing but Node's own modules, which a fresh clone has", () => {
  const imports = [...readFileSync(path, "utf8").matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from);
  assert.ok(imports.length > 3);
  assert.deepEqual(
    imports.filter((from) => !from?.startsWith("node:")),
    [],
  );
});

test("packages count as installed when npm's record has what the lock file says, optional ones aside", () => {
  const lock = {
    "": { name: "x" },
    components: { version: "1.0.0" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/components": { resolved: "components", link: true },
    "node_modules/only-elsewhere": { version: "2.0.0", optional: true },
  };
  const { "node_modules/only-elsewhere": _, "": __, ...installed } = lock;
  const write = (name: string, packages: object) => writeFileSync(join(folder, name), JSON.stringify({ packages }));
  mkdirSync(join(folder, "node_modules"));
  write("package-lock.json", lock);
  assert.equal(launcher.packagesAreInstalled(folder), false, "nothing is installed");
  write("node_modules/.package-lock.json", installed);
  assert.equal(launcher.packagesAreInstalled(folder), true);
  write("node_modules/.package-lock.json", { ...installed, "node_modules/a": { version: "1.0.1" } });
  assert.equal(launcher.packagesAreInstalled(folder), false, "another version");
  write("node_modules/.package-lock.json", { components: lock.components });
  assert.equal(launcher.packagesAreInstalled(folder), false, "one is missing");
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), "{");
  assert.equal(launcher.packagesAreInstalled(folder), false, "cut off");
});
