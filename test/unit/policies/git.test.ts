// Does provenance find what is not in Git, and does asking run nothing of what the clone holds?
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { cleanEnvironment } from "../../../components/delivery/git.ts";
import { provenanceProblems } from "../../../policies/git.ts";

describe("provenance", () => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-git-"));
  const remote = join(folder, "remote.git");
  const declared = { url: remote, branch: "main" };
  let clone = "";
  let count = 0;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: clone || folder,
      env: cleanEnvironment(),
    }).toString();
  const write = (name: string, text: string) => writeFileSync(join(clone, name), text);

  before(() => {
    git("init", "-q", "--bare", "-b", "main", remote);
  });
  beforeEach(() => {
    clone = "";
    const path = join(folder, `clone${count++}`);
    git("clone", "-q", "-c", "advice.all=false", remote, path);
    clone = path;
    write("a", String(count));
    write(".gitignore", "ignored\n");
    git("add", ".");
    git("commit", "-q", "-m", "one");
    git("push", "-q", "origin", "HEAD:main");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("has nothing against the tip of the branch, nor against an earlier commit of it", async () => {
    assert.deepEqual(await provenanceProblems(clone, declared), []);
    write("ignored", "x");
    assert.deepEqual(await provenanceProblems(clone, declared), []);
    write("a", "newer");
    git("commit", "-q", "-am", "two");
    git("push", "-q", "origin", "HEAD:main");
    git("checkout", "-q", "HEAD~1");
    assert.deepEqual(await provenanceProblems(clone, declared), []);
  });

  it("finds changed, new, staged and hidden files", async () => {
    write("a", "changed");
    assert.match((await provenanceProblems(clone, declared)).join(), /in no commit: a$/);
    git("update-index", "--assume-unchanged", "a");
    assert.match((await provenanceProblems(clone, declared)).join(), /in no commit: a$/);
    git("update-index", "--no-assume-unchanged", "a");
    git("checkout", "-q", "a");
    write("new", "x");
    writeFileSync(join(clone, ".git", "info", "exclude"), "new\n");
    assert.match((await provenanceProblems(clone, declared)).join(), /in no commit: new$/);
    git("add", "-f", "new");
    assert.match((await provenanceProblems(clone, declared)).join(), /in no commit: new$/);
  });

  it("finds a commit that was not pushed, another branch, and a remote that does not answer", async () => {
    write("a", "changed");
    git("commit", "-q", "-am", "not pushed");
    assert.match((await provenanceProblems(clone, declared)).join(), /is not on branch main of /);
    assert.match((await provenanceProblems(clone, { ...declared, branch: "release" })).join(), /has no branch release/);
    assert.match(
      (await provenanceProblems(clone, { ...declared, url: join(folder, "none.git") })).join(),
      /cannot tell: /,
    );
    assert.match((await provenanceProblems(tmpdir(), declared)).join(), /cannot tell: .*not a git repository/);
  });

  it("is not led astray by the clone's own record of the remote, nor by the environment", async () => {
    write("a", "changed");
    git("commit", "-q", "-am", "not pushed");
    git("update-ref", "refs/remotes/origin/main", "HEAD");
    git("config", `url.${clone}.insteadOf`, remote);
    process.env.GIT_DIR = "/nowhere";
    try {
      assert.match((await provenanceProblems(clone, declared)).join(), /is not on branch main of /);
    } finally {
      delete process.env.GIT_DIR;
    }
  });

  it("runs nothing that the clone's configuration names", async () => {
    const ran = join(folder, "ran");
    const trap = `touch ${ran}`;
    write("a", "changed");
    write(".gitattributes", "* filter=trap diff=trap\n");
    for (const [key, value] of [
      ["core.fsmonitor", trap],
      ["core.sshCommand", trap],
      ["core.pager", trap],
      ["filter.trap.clean", trap],
      ["filter.trap.process", trap],
      ["diff.trap.command", trap],
      ["credential.helper", `!${trap}`],
      ["alias.status", `!${trap}`],
    ] as const)
      git("config", key, value);
    for (const hook of ["post-index-change", "reference-transaction", "pre-auto-gc"])
      writeFileSync(join(clone, ".git", "hooks", hook), `#!/bin/sh\n${trap}\n`, { mode: 0o755 });
    await provenanceProblems(clone, declared);
    assert.equal(existsSync(ran), false);
    spawnSync("git", ["status"], { cwd: clone }); // the traps are real
    assert.equal(existsSync(ran), true);
  });
});
