// What does a promotion take from a platform that runs? The version of the delivered commit, and only while the app is healthy.
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";

let clone: Clone;
let status: Status;
const app = (now: Status) => now.apps[0] ?? assert.fail("no app");
const inExample = async (...args: string[]) => String((await execa("git", args, { cwd: status.git.example })).stdout);
const stack = () => join(clone.folder, "stacks/next.ts");
const deployment = "apps/hello/deployment.yaml";
const unknown = "apps/hello/unknown.yaml";
const promote = (...more: string[]) =>
  clone.plumbline(["promote", "hello", "--from", "local", "--to", "next", ...more]);

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  await writeFile(
    stack(),
    `// The stack of this test: the same app from another branch.
import { firstLight } from "./shared/first-light.ts";
import { onThisMachine } from "./shared/local.ts";

export default firstLight({ ...onThisMachine, git: { ...onThisMachine.git, branch: "next" }, name: "next" });
`,
  );
  await inExample("switch", "--quiet", "--create", "next");
  await execa("sed", ["-i", "s/hello:1$/hello:0/", join(status.git.example, deployment)]);
  await inExample("commit", "--quiet", "--all", "--message", "The version before");
  await inExample("push", "--quiet", "origin", "next");
  await inExample("switch", "--quiet", "main");
});
after(async () => {
  await rm(stack());
  for (const branch of ["next", "promote/hello-1"]) {
    await inExample("branch", "--quiet", "-D", branch);
    // The server lets nobody delete a branch.
    const bare = join(status.git.example, "../platform.git");
    await execa("git", ["update-ref", "-d", `refs/heads/${branch}`], { cwd: bare });
  }
});

test("the version that is delivered goes to the other branch, by a branch on the server", async () => {
  const { exitCode, stdout, all } = await promote("--push", "--json");
  assert.equal(exitCode, 0, all);
  const { from, branch, commit, pushed, body } = JSON.parse(stdout);
  assert.equal(from.delivered.commit, app(await clone.status()).commit);
  assert.deepEqual([branch, pushed], ["promote/hello-1", true]);
  assert.match(body, /✅ delivered in local at `[0-9a-f]{12}` and healthy since /);
  assert.equal((await inExample("ls-remote", "origin", `refs/heads/${branch}`)).split("\t")[0], commit);
  assert.match(await inExample("diff", "origin/next", branch), /-\s+image: \S+hello:0\n\+\s+image: \S+hello:1\n/);
  assert.deepEqual(
    [await inExample("branch", "--show-current"), await inExample("status", "--porcelain")],
    ["main", ""],
  );
});

test("an app that is not healthy is refused, by the words of status, unless it is forced", async () => {
  const path = join(status.git.example, unknown);
  await writeFile(path, "apiVersion: example.com/v1\nkind: Teapot\nmetadata:\n  name: short\n");
  await inExample("add", "--all");
  await inExample("commit", "--quiet", "--message", "A kind that nobody knows");
  await inExample("push", "--quiet", "origin", "main");
  await eventually(
    "status says so",
    clone.status,
    (now) => !app(now).healthy && /Teapot/.test(app(now).message ?? ""),
    60,
  );
  const refused = await promote();
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.all,
    /hello is not healthy in local: .*unknown\.yaml:2.*Teapot.*\n {2}way out: .*--force.*\n {2}code: NOT_HEALTHY/s,
  );
  const forced = await promote("--force");
  assert.equal(forced.exitCode, 0, forced.all);
  assert.match(forced.all, /whether it is healthy in local was not asked/);
  await inExample("rm", "--quiet", unknown);
  await inExample("commit", "--quiet", "--message", "Nothing that nobody knows");
  await inExample("push", "--quiet", "origin", "main");
  await eventually("it is healthy again", clone.status, (now) => app(now).healthy, 60);
});
