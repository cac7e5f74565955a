// A start that is killed in any phase, at any moment: the next one goes on from there, and when one has ended, live objects,
// state and Git agree. Each of these starts follows the killed one before it, so damage of any of them shows in the last.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { type Clone, cloneHere } from "../clone.ts";

let clone: Clone;

before(async () => {
  clone = await cloneHere("killed");
});
after(() => clone.remove());

// Seeded, so that a failure can be repeated: PLUMBLINE_TEST_SEED=7 npm test -- killed-start
const seed = Number(process.env.PLUMBLINE_TEST_SEED ?? 1);
let state = seed;
const random = (): number => {
  state = (state * 1103515245 + 12345) % 2 ** 31;
  return state / 2 ** 31;
};

/** Starts, waits for the step, then a random while, then kills the whole process group. */
const startAndKill = async (step: RegExp, seconds: number): Promise<void> => {
  const child = spawn(process.execPath, [join(clone.folder, "launch.mjs"), "start"], {
    cwd: clone.folder,
    env: { ...process.env, PLUMBLINE_STATE: "", NO_COLOR: "1" },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const reached = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      if (step.test(printed)) resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  await Promise.race([reached, ended]);
  assert.match(printed, step, `seed ${seed}: the start ended before the step was reached:\n${printed}`);
  const wait = random() * seconds;
  await Promise.race([sleep(wait * 1000), ended]);
  if (child.exitCode === null && child.pid) process.kill(-child.pid, "SIGKILL");
  await ended;
};

/** A start that is let be ends well, and what it leaves agrees with Git. */
const mended = async (): Promise<void> => {
  const what = `seed ${seed}`;
  const started = await clone.plumbline(["start"]);
  assert.equal(started.exitCode, 0, `${what}:\n${started.all}`);
  const drift = await clone.plumbline(["drift"]);
  assert.equal(drift.exitCode, 0, `${what}:\n${drift.all}`);
  const exported = JSON.parse(String((await clone.plumbline(["pulumi", "stack", "export"])).stdout)) as {
    deployment: { pending_operations?: unknown[] };
  };
  assert.deepEqual(exported.deployment.pending_operations ?? [], [], what);
  const { git, apps } = await clone.status();
  const { stdout: head } = await execa("git", ["rev-parse", "HEAD"], { cwd: git.example });
  const answer = (await (await fetch(apps[0]?.url ?? "", { headers: { Accept: "application/json" } })).json()) as {
    commit: string;
  };
  assert.equal(answer.commit, head, what);
};

for (const { name, step, seconds } of [
  { name: "while the control plane and the node start", step: /Start the cluster/, seconds: 5 },
  {
    name: "during pulumi up, between a provider's create and the write of the state too",
    step: /pulumi up/,
    seconds: 8,
  },
  { name: "during pulumi up once more, with a killed one's state", step: /pulumi up/, seconds: 8 },
]) {
  test(`killed ${name}: the next start comes at least as far`, async () => {
    await startAndKill(step, seconds);
  });
}

test("Ctrl-C ends clean with 130", async () => {
  const child = spawn(process.execPath, [join(clone.folder, "launch.mjs"), "start"], {
    cwd: clone.folder,
    env: { ...process.env, PLUMBLINE_STATE: "", NO_COLOR: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let printed = "";
  child.stderr.on("data", (chunk: Buffer) => {
    const reached = printed.includes("pulumi up");
    printed += chunk.toString();
    if (!reached && printed.includes("pulumi up")) setTimeout(() => child.kill("SIGINT"), 1500);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 130, printed);
});

test("killed during the first sync: the next start ends well, and live objects, state and Git agree", async () => {
  await startAndKill(/Wait until every app/, 3);
  await mended();
});

test("--keep: the next start goes on with the same data, and its preview is empty", async () => {
  const { git } = await clone.status();
  const { stdout: before } = await execa("git", ["rev-parse", "HEAD"], { cwd: git.example });
  assert.equal((await clone.plumbline(["stop", "--keep"])).exitCode, 0);
  assert.equal((await clone.status()).phase, "stopped");
  const started = await clone.plumbline(["start"]);
  assert.equal(started.exitCode, 0, String(started.all));
  const preview = await clone.plumbline(["pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive"]);
  assert.equal(preview.exitCode, 0, String(preview.all));
  assert.equal((await clone.status()).apps[0]?.commit, before);
});

test("killed with everything running, stop leaves nothing behind", async () => {
  const { processes } = await clone.status();
  const etcd = processes.find(({ name }) => name === "etcd")?.pid ?? assert.fail("no etcd");
  const group =
    readFileSync(`/proc/${etcd}/cgroup`, "utf8").match(/plumbline-[0-9a-f]+/)?.[0] ?? assert.fail("no cgroup");
  const parent = Number(readFileSync(`/proc/${etcd}/status`, "utf8").match(/^PPid:\s+(\d+)/m)?.[1]);
  process.kill(parent, "SIGKILL");
  assert.equal((await clone.plumbline(["stop"])).exitCode, 0);
  for (const { name, pid } of processes)
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" }, `${name} still runs`);
  for (const hierarchy of ["", ...readdirSync("/sys/fs/cgroup")]) {
    const there = (() => {
      try {
        return readdirSync(join("/sys/fs/cgroup", hierarchy));
      } catch {
        return []; // a file, not a hierarchy
      }
    })();
    assert.ok(!there.includes(group), `cgroup ${group} is left in ${hierarchy || "the root"}`);
  }
  const { stdout: running } = await execa("ps", ["-eww", "-o", "args"]);
  assert.ok(!running.includes(`${clone.folder}/.plumbline/`), "a plug-in of Pulumi still runs");
  assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(clone.folder), "a mount is left");
  assert.deepEqual(
    readdirSync(join(clone.folder)).filter((entry) => entry === ".plumbline"),
    [],
  );
  const { stdout: changed } = await execa("git", ["status", "--porcelain", "--ignored"], { cwd: clone.folder });
  assert.deepEqual(
    changed.split("\n").filter((line) => line && !line.includes("node_modules")),
    [],
  );
});
