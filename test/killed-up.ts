// An `up` that is killed with all its programs in the middle of its work: the next one goes on from there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Clone } from "./clone.ts";

const somethingMade = /^ \+ .* created \(/m;

/** Kills it as soon as it prints that something was made, or a line of one's own. */
export const killedUp = async ({ folder }: Clone, at: RegExp = somethingMade): Promise<void> => {
  const child = spawn(process.execPath, [join(folder, "launch.mjs"), "pulumi", "up", "--yes", "--skip-preview"], {
    cwd: folder,
    env: { ...process.env, PLUMBLINE_STATE: "", NO_COLOR: "1" },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (at.test(printed) && child.pid) process.kill(-child.pid, "SIGKILL");
  }
  await ended;
  assert.equal(child.signalCode, "SIGKILL", `it ended before it was killed:\n${printed}`);
};
