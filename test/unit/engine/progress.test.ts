import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  Interrupted,
  type Plan,
  runPlan,
  type Step,
  StepFailed,
  secondsLeft,
  spoken,
} from "../../../engine/progress.ts";

function capture(): { lines: () => string[]; stream: Writable } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream, lines: () => text.split("\n").slice(0, -1) };
}

const step = (title: string, seconds: number, run: Step["run"] = async () => {}): Step => ({ title, seconds, run });

test("plain lines number the steps and say what is left", async () => {
  const { stream, lines } = capture();
  await runPlan([step("Build etcd", 60), step("Start", 120)], { stream });
  assert.deepEqual(lines(), [
    "[1/2] Build etcd … about 3 min left",
    "[1/2] Build etcd done in 1 s",
    "[2/2] Start … about 2 min left",
    "[2/2] Start done in 1 s",
  ]);
});

test("a step that runs long is spoken of at every interval, with its detail", { timeout: 10_000 }, async () => {
  const { stream, lines } = capture();
  const work = step("Build", 100, async (say) => {
    say("3 of 9 packages");
    while (lines().length < 3) await sleep(1); // the runner's own time limit ends a plan that stays silent
  });
  await runPlan([work], { stream, interval: 5 });
  for (const line of lines().slice(1, 3))
    assert.match(line, /^\[1\/1\] Build … \d+ s, 3 of 9 packages, about 2 min left$/);
});

test("lanes run at the same time, each in its order", async () => {
  const order: string[] = [];
  const slow = (title: string, milliseconds: number) =>
    step(title, 1, async () => {
      await sleep(milliseconds);
      order.push(title);
    });
  const plan: Plan = [{ parallel: [[slow("a", 10), slow("b", 40)], [slow("c", 30)]] }, slow("d", 0)];
  await runPlan(plan, { stream: capture().stream });
  assert.deepEqual(order, ["a", "c", "b", "d"]);
});

test("a failure names the step, its reason and the log, and ends what runs beside it", async () => {
  const { stream, lines } = capture();
  let ended = false;
  const plan: Plan = [
    {
      parallel: [
        [
          step("Waits", 9, async (_, signal) => {
            await sleep(5_000, undefined, { signal }).catch(() => {});
            ended = signal.aborted;
          }),
        ],
        [step("Breaks", 1, () => Promise.reject(new Error("no such port")))],
      ],
    },
    step("Never", 1, () => assert.fail("started after a failure")),
  ];
  const failure = await runPlan(plan, { stream, log: "/log/x" }).catch((error) => error);
  assert.ok(failure instanceof StepFailed);
  assert.equal(failure.message, "Breaks: no such port\nLog: /log/x");
  assert.equal(failure.exitCode, 1);
  assert.equal(ended, true);
  assert.ok(lines().includes("[2/3] Breaks failed after 1 s"));
});

test("an interruption waits for the clean-up of the running step, then rejects with exit code 130", async () => {
  const { stream } = capture();
  let cleaned = false;
  const work = step("Works", 9, async (_, signal) => {
    await sleep(5_000, undefined, { signal }).catch(() => sleep(10));
    cleaned = true;
    throw new Error("stopped half-way");
  });
  const running = runPlan([work], { stream });
  await sleep(5);
  process.emit("SIGTERM");
  const failure = await running.catch((error) => error);
  assert.ok(failure instanceof Interrupted);
  assert.equal(failure.exitCode, 130);
  assert.match(failure.message, /the next run continues/);
  assert.equal(cleaned, true);
});

test("a step that does not end is given up after a bounded time", async () => {
  const controller = new AbortController();
  const stuck = step("Hangs", 9, () => sleep(300));
  const running = runPlan([stuck], { stream: capture().stream, signal: controller.signal, patience: 10 });
  const began = performance.now();
  controller.abort();
  await assert.rejects(running, Interrupted);
  assert.ok(performance.now() - began < 200);
});

test("what is left: lanes count as long as the longest, and a late step never as nothing", () => {
  const [a, b, c, d] = [step("a", 10), step("b", 20), step("c", 15), step("d", 5)];
  const plan: Plan = [a, { parallel: [[b], [c, d]] }];
  assert.equal(secondsLeft(plan, new Map(), new Map()), 30);
  assert.equal(secondsLeft(plan, new Map([[a, 8]]), new Map([[b, 12]])), 20);
  assert.equal(secondsLeft([a], new Map(), new Map([[a, 500]])), 1);
  assert.deepEqual([0, 41.4, 89, 91, 600].map(spoken), ["1 s", "41 s", "89 s", "2 min", "10 min"]);
});
