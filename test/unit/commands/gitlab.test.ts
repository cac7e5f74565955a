// Does a job of GitLab, stood in for by a server that knows five calls, say what it found once, and without a token nothing?
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { root } from "../../../engine/folders.ts";
import { type GitlabApi, gitlabApi } from "../../gitlab-api.ts";

let api: GitlabApi;
const folder = mkdtempSync(join(tmpdir(), "plumbline-gitlab-"));
const file = join(folder, "text.md");
before(async () => {
  api = await gitlabApi();
});
after(() => {
  api.close();
  rmSync(folder, { recursive: true });
});

const say = (what: string, text: string, environment: Record<string, string> = {}) => {
  writeFileSync(file, text);
  return execa(
    process.execPath,
    [join(root, "commands/main.ts"), "gitlab", what, "--title", "Preview of x", "--file", file],
    {
      env: { ...api.environment, ...environment },
      reject: false,
      all: true,
    },
  );
};

test("a second preview takes the place of the first, and of nobody else's note", async () => {
  api.notes.push({ id: 1, body: "<!-- plumbline: Preview of x -->\nby a person", author: { id: 3 } });
  for (const text of ["first", "second"]) assert.equal((await say("note", text)).exitCode, 0);
  assert.deepEqual(
    api.notes.map(({ body }) => body),
    ["<!-- plumbline: Preview of x -->\nby a person", "<!-- plumbline: Preview of x -->\nsecond"],
  );
});

test("an issue that is open is not opened again", async () => {
  for (const _ of [1, 2]) assert.equal((await say("issue", "what differs")).exitCode, 0);
  assert.deepEqual(
    api.issues.map(({ title, description }) => [title, description]),
    [["Preview of x", "what differs"]],
  );
});

test("without a token nothing is written, and a wrong one is named with its way out, and not shown", async () => {
  const none = await say("note", "third", { PLUMBLINE_GITLAB_TOKEN: "" });
  assert.deepEqual([none.exitCode, api.notes.length], [0, 2]);
  assert.match(none.all, /PLUMBLINE_GITLAB_TOKEN is not set/);
  const wrong = await say("note", "third", { PLUMBLINE_GITLAB_TOKEN: "glpat-wrong" });
  assert.equal(wrong.exitCode, 1);
  assert.match(
    wrong.all,
    /GitLab, GET .*\/user: 404 [\s\S]*way out: PLUMBLINE_GITLAB_TOKEN is to be[\s\S]*code: GITLAB_REFUSED/,
  );
  assert.doesNotMatch(wrong.all, /glpat-wrong/);
});
