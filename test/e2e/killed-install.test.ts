// A first run that is killed while npm installs the packages: the next one installs them whole and goes on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clone, cloneHere } from "../clone.ts";

let clone: Clone;
before(async () => {
  clone = await cloneHere("killed-install");
  await rm(join(clone.folder, "node_modules"));
});
after(() => clone.remove());

test("killed while the packages are installed", async () => {
  const child = spawn(process.execPath, [join(clone.folder, "launch.mjs"), "--help"], {
    cwd: clone.folder,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await new Promise<void>((resolve) => {
    child.stderr.on("data", (chunk: Buffer) => chunk.includes("Installing the npm packages") && resolve());
    child.on("close", () => resolve());
  });
  // Packages appear after about 2 s; npm's own record of them only at the end.
  while (child.exitCode === null && !existsSync(join(clone.folder, "node_modules"))) await sleep(50);
  await sleep(300);
  assert.equal(child.exitCode, null, "the installation ended before it could be killed");
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
  assert.ok(!existsSync(join(clone.folder, "node_modules", ".package-lock.json")));

  const { exitCode, all } = await clone.plumbline(["--help"]);
  assert.equal(exitCode, 0, all);
  assert.match(String(all), /Installing the npm packages/);
  const again = await clone.plumbline(["--help"]);
  assert.doesNotMatch(String(again.all), /Installing the npm packages/);
});
