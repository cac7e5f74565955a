// The Git server with a real git: everybody reads, a push needs the token, and a push that was accepted is told.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { stateLayout } from "../../../engine/folders.ts";
import { ensureExampleCheckout, ensureExampleRepository, git } from "../../../local/example.ts";
import { gitServer } from "../../../local/git-server.ts";

let state: string;
let url: string;
const told: string[] = [];
let close: () => void;

before(async () => {
  state = await mkdtemp(join(tmpdir(), "plumbline-git-"));
  await ensureExampleRepository(state, "local");
  const folder = stateLayout(state).git;
  const server = gitServer({
    root: folder,
    token: await readFile(join(folder, "token"), "utf8"),
    pushed: (repository) => told.push(repository),
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/platform.git`;
  close = () => {
    server.close();
    server.closeAllConnections();
  };
});

after(async () => {
  close();
  await rm(state, { recursive: true });
});

test("the example repository holds the app's manifests, and making it again changes nothing", async () => {
  const bare = join(stateLayout(state).git, "platform.git");
  const head = await git(bare, "rev-parse", "main");
  await ensureExampleRepository(state, "local");
  assert.equal(await git(bare, "rev-parse", "main"), head);
  assert.match(await git(bare, "ls-tree", "-r", "--name-only", "main"), /apps\/hello\/deployment\.yaml/);
});

test("a stranger may clone and may not push", async () => {
  const clone = join(state, "stranger");
  await git(state, "clone", "--quiet", url, clone);
  const pushed = await execa("git", ["push", "origin", "HEAD:refs/heads/other"], {
    cwd: clone,
    env: { GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_GLOBAL: "/dev/null", GIT_ASKPASS: "true" },
    reject: false,
  });
  assert.notEqual(pushed.exitCode, 0);
  assert.deepEqual(told, []);
});

test("the example checkout pushes, and the push is told once", async () => {
  await ensureExampleCheckout(state, url);
  const { example } = stateLayout(state);
  await writeFile(
    join(example, "apps/hello/config.yaml"),
    `${"# a long comment that makes git compress its request\n".repeat(5000)}`,
  );
  await git(example, "commit", "--quiet", "--all", "--message", "large");
  await git(example, "push", "--quiet", "origin", "main");
  assert.deepEqual(told, ["platform.git"]);
  assert.equal(
    await git(join(stateLayout(state).git, "platform.git"), "rev-parse", "main"),
    await git(example, "rev-parse", "HEAD"),
  );
});

test("a checkout keeps a person's changes when the server moves to another port", async () => {
  const { example } = stateLayout(state);
  await writeFile(join(example, "mine.txt"), "mine");
  await ensureExampleCheckout(state, "http://127.0.0.1:1/platform.git");
  assert.equal(await readFile(join(example, "mine.txt"), "utf8"), "mine");
  assert.equal(await git(example, "remote", "get-url", "origin"), "http://127.0.0.1:1/platform.git");
  await ensureExampleCheckout(state, url);
});

test("the token stands in no configuration that Git shows", async () => {
  const token = await readFile(join(stateLayout(state).git, "token"), "utf8");
  const { stdout } = await execa("git", ["config", "--list"], { cwd: stateLayout(state).example });
  assert.ok(!stdout.includes(token));
});

test("a history that is rewritten is refused", async () => {
  const { example } = stateLayout(state);
  await git(example, "commit", "--quiet", "--amend", "--message", "rewritten");
  await assert.rejects(git(example, "push", "--force", "origin", "main"), /non-fast-forward|denied|rejected/);
});
