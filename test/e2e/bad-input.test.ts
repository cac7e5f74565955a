// What a person gets wrong before anything runs: the message names the place and the way out, and nothing is started.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Clone, cloneHere } from "../clone.ts";

let clone: Clone;

before(async () => {
  clone = await cloneHere("bad-input");
});
after(() => clone.remove());

const withStack = async (change: (text: string) => string, check: () => Promise<void>): Promise<void> => {
  const file = join(clone.folder, "stacks", "local.ts");
  const right = await readFile(file, "utf8");
  const wrong = change(right);
  assert.notEqual(wrong, right, "the change must change something");
  await writeFile(file, wrong);
  try {
    await check();
    assert.equal((await clone.status()).phase, "stopped");
  } finally {
    await writeFile(file, right);
  }
};

test("a type error in a stack: file and line, and nothing is started", () =>
  withStack(
    (text) => text.replace('name: "local"', 'name: "local", nmae: "x"'),
    async () => {
      const { exitCode, stderr } = await clone.plumbline(["start"]);
      assert.equal(exitCode, 1);
      assert.match(stderr, /stacks\/local\.ts\(\d+,\d+\): error TS\d+: .*nmae/);
      assert.match(stderr, /TYPE_ERROR/);
    },
  ));

test("a wrong value in a stack: file, field, value and what is allowed", () =>
  withStack(
    (text) => text.replace('name: "local"', 'name: "local", git: { ...onThisMachine.git, branch: "-main" }'),
    async () => {
      const { exitCode, stderr } = await clone.plumbline(["start"]);
      assert.equal(exitCode, 1);
      assert.match(stderr, /stacks\/local\.ts: settings\.git\.branch: found "-main"; allowed: .*branch/);
      assert.doesNotMatch(stderr, /^\s+at /m, "an expected failure has no stack trace");
    },
  ));

test("an unknown stack: the error lists the ones there are", async () => {
  const { exitCode, stderr } = await clone.plumbline(["start", "--stack", "prodction"]);
  assert.equal(exitCode, 1);
  assert.match(stderr, /prodction.*existing, fleet, local, local-argo/);
});

test("--context without a repository says how to say it; an unknown context lists those there are", async () => {
  const missing = await clone.plumbline(["start", "--context", "kind-dev"]);
  assert.equal(missing.exitCode, 64);
  assert.match(missing.stderr, /--git https:/);
  const kubeconfig = join(clone.folder, "kubeconfig.yaml");
  await writeFile(
    kubeconfig,
    "apiVersion: v1\nkind: Config\ncontexts:\n- {name: one, context: {cluster: c, user: u}}\nclusters: []\nusers: []\n",
  );
  const unknown = await execa(
    process.execPath,
    [join(clone.folder, "launch.mjs"), "start", "--context", "two", "--git", "https://git.example.com/x.git"],
    {
      cwd: clone.folder,
      env: { KUBECONFIG: kubeconfig, PLUMBLINE_STATE: "" },
      reject: false,
    },
  );
  assert.equal(unknown.exitCode, 1);
  assert.match(unknown.stderr, /kubeconfig\.yaml: context "two".*there are: one/);
});

test("a state folder that cannot be made", async () => {
  const file = join(clone.folder, "a-file");
  await writeFile(file, "");
  const { exitCode, stderr } = await execa(process.execPath, [join(clone.folder, "launch.mjs"), "start"], {
    cwd: clone.folder,
    env: { PLUMBLINE_STATE: join(file, "state") },
    reject: false,
  });
  assert.equal(exitCode, 1);
  assert.match(stderr, /STATE_NOT_WRITABLE/);
});

test("a full disk ends the start with a message, and stop cleans up", async () => {
  const folder = join(clone.folder, "small");
  const script = `mkdir -p '${folder}' && mount -t tmpfs -o size=3m tmpfs '${folder}' && '${process.execPath}' '${join(clone.folder, "launch.mjs")}' start; code=$?; '${process.execPath}' '${join(clone.folder, "launch.mjs")}' stop >/dev/null 2>&1; exit $code`;
  // A mount namespace of its own: the host never sees the small disk.
  const { exitCode, stderr } = await execa("unshare", ["--mount", "sh", "-c", script], {
    cwd: clone.folder,
    env: { PLUMBLINE_STATE: folder },
    reject: false,
  });
  assert.notEqual(exitCode, 0);
  assert.match(stderr, /ENOSPC|no space left|disk is full/i);
});

test("drift, kubectl and logs say that nothing runs", async () => {
  for (const verb of [["kubectl", "get", "pods"], ["drift"]]) {
    const { exitCode, stderr } = await clone.plumbline(verb);
    assert.equal(exitCode, 1, verb.join(" "));
    assert.match(stderr, /NOT_RUNNING/, verb.join(" "));
  }
  const { exitCode } = await clone.plumbline(["logs", "nothing"]);
  assert.equal(exitCode, 64);
});
