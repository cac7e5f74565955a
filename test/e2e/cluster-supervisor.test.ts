// The supervisor itself, driven with small scripts: order, readiness, back-off, exits, orphans, forwards, the end.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { isAlive } from "../../engine/processes.ts";
import { cgroupOf, lastWords, launchMachine, readMachine, stopMachine } from "../../local/machine.ts";
import { inside, type MachineSpec, type MachineState, type ProcessSpec } from "../../local/spec.ts";
import { ask, eventually, hostState, needsRoot, processesOf, testPrograms, tracesOf } from "./cluster-fixtures.ts";

const sh = (name: string, script: string, more: Partial<ProcessSpec> = {}): ProcessSpec =>
  ({ name, argv: ["/bin/sh", "-c", script], env: [`PATH=${inside.bin}:/usr/bin:/bin`], ...more }) as ProcessSpec;
const busybox = `${inside.bin}/busybox`;

describe("the supervisor", { skip: needsRoot, timeout: 300_000 }, () => {
  let folder: string;
  let host: string;
  beforeEach(async () => {
    host = await hostState();
    folder = mkdtempSync(join(tmpdir(), "plumbline-supervisor-"));
  });
  afterEach(async () => {
    await stopMachine(folder, cgroupOf(folder));
    assert.deepEqual(tracesOf(cgroupOf(folder)), []);
    assert.equal(await hostState(), host);
    await rm(folder, { recursive: true, force: true });
  });

  const spec = async (processes: ProcessSpec[], more: Partial<MachineSpec> = {}): Promise<MachineSpec> => ({
    name: "test",
    cgroup: cgroupOf(folder),
    mounts: [
      { source: await testPrograms(), target: inside.bin, readOnly: true },
      { source: folder, target: inside.state },
      { source: join(folder, "log"), target: inside.log },
      { source: join(folder, "var"), target: "/var" },
    ],
    network: {},
    log: inside.log,
    processes,
    ...more,
  });
  const launch = async (processes: ProcessSpec[], more: Partial<MachineSpec> = {}) =>
    launchMachine(folder, await spec(processes, more), await testPrograms());
  const state = (): MachineState => readMachine(folder) ?? assert.fail("the machine does not run");
  const process_ = (name: string) => state().processes.find((each) => each.name === name) ?? assert.fail(name);
  const log = (name: string) => readFileSync(join(folder, "log", `${name}.log`), "utf8");
  const running = () => eventually("everything is ready", 20, async () => state().phase === "running" || undefined);

  it("starts a process when those before it are ready, and lets work be done once", async () => {
    await launch([
      sh("work", `sleep 0.3; date +%s%N > ${inside.state}/worked`, { once: true }),
      sh(
        "server",
        `sleep 0.3; date +%s%N > ${inside.state}/listens; exec ${busybox} nc -lk -p 8000 -e ${busybox} true`,
        { after: ["work"] },
      ),
      sh("last", `date +%s%N > ${inside.state}/last; exec sleep 1000`, { after: ["work", "server"] }),
    ]);
    await running();
    const time = (name: string) => BigInt(readFileSync(join(folder, name), "utf8").trim());
    await eventually("all have written", 5, async () => time("last") > time("worked") || undefined);
    assert.equal(process_("work").done, true);
    assert.equal(process_("work").restarts, 0);
  });

  it("restarts what ends, each time after a longer pause, and reports code, command and output", async () => {
    await launch([sh("broken", "echo cannot find the thing; exit 7"), sh("well", "exec sleep 1000")]);
    const seen = await eventually("three restarts", 10, async () =>
      process_("broken").restarts >= 3 ? process_("broken") : undefined,
    );
    assert.equal(seen.lastExit?.code, 7);
    assert.match(seen.lastExit?.reason ?? "", /^\/bin\/sh -c echo cannot find the thing; exit 7: ended with code 7$/);
    assert.match(seen.lastExit?.tail ?? "", /cannot find the thing/);
    const pauses = [...log("supervisor").matchAll(/again in (\S+)/g)].map(([, pause]) => pause);
    assert.deepEqual(pauses.slice(0, 3), ["250ms", "500ms", "1s"]);
    assert.equal(process_("well").restarts, 0);
  });

  it("says why a program could not be started at all", async () => {
    await launch([{ name: "missing", argv: ["/nowhere/program"] }]);
    const seen = await eventually("an exit", 5, async () => process_("missing").lastExit);
    assert.match(seen.reason, /\/nowhere\/program did not start: no such file or directory/);
  });

  it("takes a process that is not ready in time for failed", async () => {
    await launch([
      sh("deaf", "exec sleep 1000", { ready: { http: "http://127.0.0.1:1/", timeoutSeconds: 0.3 } }),
      sh("after", `touch ${inside.state}/never; exec sleep 1000`, { after: ["deaf"] }),
    ]);
    const seen = await eventually("an exit", 5, async () => process_("deaf").lastExit);
    assert.match(seen.reason, /sleep 1000: not ready within 0.3 s, ended by signal: terminated/);
    assert.equal(process_("after").pid, 0);
  });

  it("is ready when an HTTP server answers, not when its process exists", async () => {
    await launch([
      sh(
        "web",
        `mkdir -p /tmp/pages; echo hello > /tmp/pages/index.html; sleep 0.5; exec ${busybox} httpd -f -p 8000 -h /tmp/pages`,
        {
          ready: { http: "http://127.0.0.1:8000/", timeoutSeconds: 10 },
        },
      ),
    ]);
    assert.equal(process_("web").ready, false);
    await running();
  });

  it("stops in reverse order, asks first and kills then", async () => {
    const trap = (name: string) =>
      `trap 'echo ${name} >> ${inside.state}/order; exit 0' TERM; echo up; while :; do sleep 0.05; done`;
    await launch([
      sh("first", trap("first")),
      sh("second", trap("second"), { after: ["first"] }),
      sh("stubborn", "trap '' TERM; echo up; while :; do sleep 0.05; done", { after: ["second"] }),
    ]);
    await running();
    await eventually("traps are set", 5, async () =>
      ["first", "second", "stubborn"].every((name) => log(name).includes("up")) ? true : undefined,
    );
    const machine = state();
    process.kill(machine.pid, "SIGTERM");
    await eventually("the end", 5, async () => !isAlive(machine) || undefined);
    assert.equal(readFileSync(join(folder, "order"), "utf8"), "second\nfirst\n");
    assert.equal(lastWords(folder)?.phase, "stopping");
  });

  it("takes every process with it when it is killed, those of nested machines too", async () => {
    const nested: MachineSpec = {
      name: "inner",
      cgroup: `${cgroupOf(folder)}/inner`,
      mounts: [],
      network: {},
      log: "/tmp/log",
      processes: [sh("deep", "sleep 1000 & exec sleep 1000")],
    };
    await launch([sh("outer", "sleep 1000 & sleep 1000"), { name: "inner", machine: nested }]);
    await running();
    assert.ok(processesOf(cgroupOf(folder)).length >= 6);
    process.kill(state().pid, "SIGKILL");
    await eventually("all are gone", 3, async () => processesOf(cgroupOf(folder)).length === 0 || undefined);
    assert.equal(readMachine(folder), undefined);
  });

  it("reaps orphans", async () => {
    await launch([sh("parent", "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; echo started; exec sleep 1000")]);
    await eventually("it has started them", 5, async () => log("parent").includes("started") || undefined);
    await eventually("they are gone", 5, async () => (processesOf(cgroupOf(folder)).length === 2 ? true : undefined));
  });

  it("brings a nested machine back, with its network", async () => {
    const nested: MachineSpec = {
      name: "inner",
      cgroup: `${cgroupOf(folder)}/inner`,
      mounts: [{ source: inside.bin, target: inside.bin, readOnly: true }],
      network: { uplink: { address: "10.88.0.10/24", gateway: "10.88.0.1" } },
      log: "/tmp/log",
      processes: [
        sh("web", `mkdir /tmp/p; echo deep > /tmp/p/index.html; exec ${busybox} httpd -f -p 8000 -h /tmp/p`, {
          ready: { http: "http://127.0.0.1:8000/", timeoutSeconds: 10 },
        }),
      ],
    };
    await launch([{ name: "inner", machine: nested }], {
      network: { bridge: { name: "nodes0", address: "10.88.0.1/24" } },
      forwards: [{ name: "web", listen: "127.0.0.1:0", target: "10.88.0.10:8000" }],
    });
    await running();
    const address = state().forwards[0]?.listen ?? "";
    assert.equal(await ask(address), "deep");
    assert.equal(process_("inner").machine?.processes[0]?.ready, true);
    const [inner] = processesOf(`${cgroupOf(folder)}/inner`)
      .map((line) => Number.parseInt(line, 10))
      .sort((a, b) => a - b);
    process.kill(inner ?? 0, "SIGKILL");
    await eventually("it was restarted", 10, async () => process_("inner").restarts === 1 || undefined);
    await running();
    assert.equal(await eventually("it answers", 10, () => ask(address)), "deep");
  });

  it("takes the next free port of the host when the wanted one is taken", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => blocker.once("listening", resolve));
    const { port } = blocker.address() as { port: number };
    try {
      await launch([sh("idle", "exec sleep 1000")], {
        forwards: [{ name: "web", listen: `127.0.0.1:${port}`, target: "127.0.0.1:8000" }],
      });
      const [, taken] = state().forwards[0]?.listen.split(":") ?? [];
      assert.ok(Number(taken) > port && Number(taken) <= port + 50, `${taken} instead of ${port}`);
    } finally {
      blocker.close();
    }
  });

  it("lets nothing be written on the host but what is mounted", async () => {
    await launch([
      sh(
        "writer",
        `for each in / /usr /etc /root /home; do touch $each/plumbline-test && echo wrote in $each; done; touch /var/fine /tmp/fine /run/fine /dev/shm/fine; echo tried; exec sleep 1000`,
      ),
    ]);
    await eventually("it has tried", 5, async () => log("writer").includes("tried") || undefined);
    assert.doesNotMatch(log("writer"), /wrote in/);
    assert.deepEqual(log("writer").match(/Read-only file system/g)?.length, 5);
    assert.equal(readFileSync(join(folder, "var", "fine"), "utf8"), "");
  });

  it("bounds the logs", async () => {
    await launch([sh("loud", `head -c 9000000 /dev/zero | tr '\\0' x | fold -w 100; echo done; exec sleep 1000`)]);
    await eventually("it is done", 20, async () => log("loud").endsWith("done\n") || undefined);
    assert.ok(log("loud").length < 5_000_000);
    assert.ok(
      log("loud.log.1".replace(/\.log\.1$/, "")).length > 0 &&
        readFileSync(join(folder, "log", "loud.log.1")).length > 4_000_000,
    );
  });

  it("refuses a second machine of the same folder, and a spec that is wrong, in words", async () => {
    await launch([sh("one", "exec sleep 1000")]);
    await assert.rejects(launch([sh("one", "exec sleep 1000")]), /a machine of .* runs already/);
    await writeFile(join(folder, "bad.json"), JSON.stringify({ ...(await spec([sh("a", "true", { after: ["b"] })])) }));
    const supervisor = join(await testPrograms(), "supervisor");
    await assert.rejects(
      promisify(execFile)(supervisor, ["launch", join(folder, "bad.json")]),
      /process a: after names "b", which is no earlier process/,
    );
  });

  it("fails with the reason when the machine can't be set up", async () => {
    await assert.rejects(
      launch([sh("a", "true")], { network: { routes: [{ to: "10.1.0.0/16", via: "10.99.0.1" }] } }),
      /routing 10.1.0.0\/16 through 10.99.0.1/,
    );
    await assert.rejects(
      launch([sh("a", "true")], { forwards: [{ name: "web", listen: "203.0.113.1:80", target: "127.0.0.1:1" }] }),
      /forward web on 203.0.113.1:80: .*cannot assign requested address/,
    );
  });
});
