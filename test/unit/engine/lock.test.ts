import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Holder, lockHolder, withLock } from "../../../engine/lock.ts";
import { isAlive, startTimeOf, thisProcess } from "../../../engine/processes.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-lock-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const unexpected = (holder: Holder): never => assert.fail(`waits for ${holder.pid}`);

test("a lock is held while the work runs, by this process, and free afterwards", async () => {
  const path = join(folder, "simple");
  const result = await withLock(path, { purpose: "tests", waiting: unexpected }, async () => {
    assert.deepEqual(lockHolder(path), { ...thisProcess(), purpose: "tests" });
    return 7;
  });
  assert.equal(result, 7);
  assert.equal(lockHolder(path), undefined);
});

test("a lock is free after the work failed", async () => {
  const path = join(folder, "failing");
  await assert.rejects(
    withLock(path, { waiting: unexpected }, () => Promise.reject(new Error("no"))),
    { message: "no" },
  );
  assert.equal(lockHolder(path), undefined);
});

test("a second caller waits, is told for whom once, and then has its turn", async () => {
  const path = join(folder, "two");
  const order: string[] = [];
  const told: Holder[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = withLock(path, { purpose: "builds", waiting: unexpected }, async () => {
    await held;
    order.push("first");
  });
  const second = withLock(path, { waiting: (holder) => told.push(holder) }, async () => {
    order.push("second");
  });
  await sleep(250); // longer than two looks at the lock
  assert.deepEqual(order, []);
  release();
  await Promise.all([first, second]);
  assert.deepEqual(order, ["first", "second"]);
  assert.deepEqual(
    told.map(({ pid, purpose }) => [pid, purpose]),
    [[process.pid, "builds"]],
  );
});

test("many callers never work at the same time, and leave one claim behind", async () => {
  const path = join(folder, "many");
  let working = 0;
  let done = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(path, { waiting: () => {} }, async () => {
        assert.equal(++working, 1);
        await sleep(1);
        working--;
        done++;
      }),
    ),
  );
  assert.equal(done, 8);
  assert.equal(readdirSync(path).length, 1);
});

test("a lock of a dead process, and one of a later process with its PID, are taken over", async () => {
  const child = spawn("sleep", ["60"]);
  const pid = child.pid ?? 0;
  const started = startTimeOf(pid) ?? 0;
  for (const [name, holder] of [
    ["reused", { pid, started: started - 1, purpose: "builds" }],
    ["cut-off", "{"],
  ] as const) {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, "4"), typeof holder === "string" ? holder : JSON.stringify(holder));
    assert.equal(await withLock(path, { waiting: unexpected }, async () => "mine"), "mine");
  }
  const path = join(folder, "dead");
  mkdirSync(path);
  writeFileSync(join(path, "1"), JSON.stringify({ pid, started, purpose: "builds" }));
  assert.equal(lockHolder(path)?.pid, pid);
  assert.equal(isAlive({ pid, started }), true);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  assert.equal(isAlive({ pid, started }), false);
  assert.equal(await withLock(path, { waiting: unexpected }, async () => "mine"), "mine");
});

test("waiting ends with the signal's reason, or with what `waiting` throws", async () => {
  const path = join(folder, "given-up");
  await withLock(path, { waiting: unexpected }, async () => {
    const reason = new Error("enough");
    await assert.rejects(withLock(path, { waiting: () => {}, signal: AbortSignal.abort(reason) }, unreachable), reason);
    const refusal = new Error("busy");
    const refuse = (): never => {
      throw refusal;
    };
    await assert.rejects(withLock(path, { waiting: refuse }, unreachable), refusal);
  });
});

const unreachable = async (): Promise<never> => assert.fail("the lock is held");
