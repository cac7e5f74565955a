// Two clusters at once with the same addresses inside, and starts that are killed half-way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readCluster, stopCluster } from "../../local/cluster.ts";
import { cgroupOf } from "../../local/machine.ts";
import { freshState, hostState, kubectl, needsRoot, start, tracesOf } from "./cluster-fixtures.ts";

describe("clusters of two state folders", { skip: needsRoot, timeout: 600_000 }, () => {
  const states = [freshState(), freshState()] as const;
  let host: string;
  before(async () => {
    host = await hostState();
    await Promise.all(states.map((state) => start(state)));
  });
  after(async () => {
    for (const state of states) {
      await stopCluster({ state, keep: false });
      await rm(state, { recursive: true, force: true });
    }
  });

  it("have ports of their own and know nothing of each other", async () => {
    const apis = states.map((state) => readCluster(state)?.api);
    assert.notEqual(apis[0], apis[1]);
    await kubectl(states[0], "ci", "create", "namespace", "first");
    await assert.rejects(kubectl(states[1], "ci", "get", "namespace", "first"), /not found/);
  });

  it("are stopped one by one", async () => {
    await stopCluster({ state: states[0], keep: false });
    assert.equal(readCluster(states[0]), undefined);
    assert.match(await kubectl(states[1], "ci", "get", "nodes", "--no-headers"), /^node-0\s+Ready/);
    const group = cgroupOf(join(states[1], "cluster"));
    await stopCluster({ state: states[1], keep: false });
    assert.deepEqual(tracesOf(group), []);
    assert.equal(await hostState(), host);
  });
});

describe("a start that is killed", { skip: needsRoot, timeout: 600_000 }, () => {
  const state = freshState();
  after(async () => {
    await stopCluster({ state, keep: false });
    await rm(state, { recursive: true, force: true });
  });

  /** Seconds after which it is killed: within certificates, images, launch, control plane, nodes on 2 cores. */
  for (const seconds of [0.4, 0.8, 1.0, 1.3, 2, 4]) {
    it(`after ${seconds} s is continued, or stopped without a trace`, async () => {
      const host = await hostState();
      mkdirSync(join(state, "cluster"), { recursive: true });
      const group = cgroupOf(join(state, "cluster"));
      const script = `const { start } = await import(${JSON.stringify(join(import.meta.dirname, "cluster-fixtures.ts"))}); await start(${JSON.stringify(state)});`;
      const starting = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
      const ended = new Promise((resolve) => starting.once("exit", resolve));
      await sleep(seconds * 1000);
      starting.kill("SIGKILL");
      await ended;
      if (seconds !== 1.3) {
        await start(state);
        assert.match(await kubectl(state, "ci", "get", "nodes", "--no-headers"), /^node-0\s+Ready/);
      }
      await stopCluster({ state, keep: false });
      assert.deepEqual(tracesOf(group), []);
      assert.equal(await hostState(), host);
    });
  }
});
