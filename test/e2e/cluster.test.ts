// One real cluster of two nodes through its life: started, used, each process killed, stopped and continued.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Cluster, destroyBootstrap, readCluster, startCluster, stopCluster } from "../../local/cluster.ts";
import { cgroupOf } from "../../local/machine.ts";
import {
  applyWeb,
  ask,
  eventually,
  freshState,
  hostState,
  kubectl,
  needsRoot,
  processesOf,
  start,
  tracesOf,
} from "./cluster-fixtures.ts";

describe("a cluster of two nodes", { skip: needsRoot, timeout: 900_000 }, () => {
  const state = freshState();
  let cluster: Cluster;
  let host: string;

  before(async () => {
    host = await hostState();
    cluster = await start(state, { nodes: 2 });
    await applyWeb(state);
  });
  after(async () => {
    await stopCluster({ state, keep: false });
    await rm(state, { recursive: true, force: true });
  });

  const answers = (seconds: number) =>
    eventually("the Service answers through the forward", seconds, async () => {
      const answer = await ask(readCluster(state)?.forwards.web ?? "");
      return answer.startsWith("web-") ? answer : undefined;
    });

  it("has both nodes Ready, and says of each process where it runs", async () => {
    const nodes = await kubectl(state, "ci", "get", "nodes", "--no-headers");
    assert.deepEqual(
      nodes
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/).slice(0, 2)),
      [
        ["node-0", "Ready"],
        ["node-1", "Ready"],
      ],
    );
    const status = readCluster(state);
    assert.equal(status?.phase, "running");
    const names = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
    for (const node of ["node-0", "node-1"])
      names.push(node, ...["containerd", "kubelet", "kube-proxy"].map((name) => `${node}/${name}`));
    assert.deepEqual(
      status?.processes.map(({ name }) => name),
      names,
    );
    for (const { name, pid } of status?.processes ?? [])
      assert.ok(pid && existsSync(`/proc/${pid}`), `${name} has the PID ${pid}`);
  });

  it("answers on the host by a Service's name, from pods on both nodes", async () => {
    await answers(60);
    const seen = new Set<string>();
    await eventually("both pods answer", 30, async () => seen.add(await answers(10)).size === 2 || undefined);
    const where = await kubectl(
      state,
      "ci",
      "get",
      "pods",
      "-l",
      "app=web",
      "-o",
      "jsonpath={.items[*].spec.nodeName}",
    );
    assert.deepEqual(where.split(" ").sort(), ["node-0", "node-1"]);
  });

  it("carries traffic between pods of different nodes, by address and by Service", async () => {
    const list = await kubectl(
      state,
      "ci",
      "get",
      "pods",
      "-l",
      "app=web",
      "-o",
      "jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{'\\n'}{end}",
    );
    const pods = list
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]);
    for (const [from] of pods)
      for (const [name, address] of pods) {
        const answer = await kubectl(state, "ci", "exec", from, "--", "wget", "-qO-", `http://${address}:8080/`);
        assert.equal(answer.trim(), name, `${from} asks ${name}`);
      }
    for (const [from] of pods)
      for (let turn = 0; turn < 6; turn++) {
        const answer = await kubectl(state, "ci", "exec", from, "--", "wget", "-qO-", "http://web/");
        assert.match(answer, /^web-/);
      }
  });

  it("shows logs", async () => {
    assert.match(await kubectl(state, "ci", "logs", "-l", "app=web", "--tail=-1"), /response:200/);
  });

  it("lets nobody impersonate, and destroys the identity that may do everything", async () => {
    const may = (...what: string[]) =>
      kubectl(state, "ci", "auth", "can-i", ...what).then(
        (text) => text.trim(),
        (error) => error.stdout.trim(),
      );
    assert.equal(await may("delete", "nodes"), "yes");
    assert.equal(await may("escalate", "clusterroles.rbac.authorization.k8s.io"), "yes");
    assert.equal(await may("impersonate", "users"), "no");
    assert.ok(existsSync(join(state, "cluster", "pki", "bootstrap.key")));
    await destroyBootstrap(state);
    for (const file of ["pki/bootstrap.key", "pki/bootstrap.crt", "bootstrap.yaml"])
      assert.ok(!existsSync(join(state, "cluster", file)), file);
    assert.equal(statSync(join(state, "kubeconfig", "ci.yaml")).mode & 0o777, 0o600);
  });

  it("returns a running cluster as it is", async () => {
    const again = await start(state, { nodes: 2 });
    assert.equal(again.pid, cluster.pid);
    assert.deepEqual(
      again.processes.map(({ restarts }) => restarts),
      cluster.processes.map(({ restarts }) => restarts),
    );
  });

  for (const name of [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "node-0/kubelet",
    "node-0/containerd",
    "node-0/kube-proxy",
    "node-1",
  ]) {
    it(`brings ${name} back when it is killed`, async () => {
      const killed = readCluster(state)?.processes.find((each) => each.name === name);
      process.kill(killed?.pid ?? 0, "SIGKILL");
      const back = await eventually(`${name} is ready again`, 60, async () => {
        const now = readCluster(state)?.processes.find((each) => each.name === name);
        return now?.ready && now.pid !== undefined && now.pid !== killed?.pid ? now : undefined;
      });
      assert.equal(back.restarts, 1);
      assert.equal(back.lastExit?.signal, "killed");
      await eventually("every process is ready", 60, async () => readCluster(state)?.phase === "running" || undefined);
      await answers(60);
      assert.equal(
        await kubectl(state, "ci", "create", "configmap", `after-${name.replace("/", "-")}`).then((text) =>
          text.trim(),
        ),
        `configmap/after-${name.replace("/", "-")} created`,
      );
    });
  }

  it("stops within three seconds, keeps its data, and goes on with it on the next start", async () => {
    const began = performance.now();
    const group = cgroupOf(join(state, "cluster"));
    await stopCluster({ state, keep: true });
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds < 5, `stopping took ${seconds.toFixed(1)} s`);
    assert.equal(readCluster(state), undefined);
    assert.deepEqual(tracesOf(group), []);
    assert.equal(await hostState(), host);
    await start(state, { nodes: 2 });
    assert.ok(!existsSync(join(state, "cluster", "bootstrap.yaml")));
    assert.match(await kubectl(state, "ci", "get", "configmap", "after-etcd"), /after-etcd/);
    await answers(90);
  });

  it("takes a node away that is no longer wanted", async () => {
    await stopCluster({ state, keep: true });
    await start(state, { nodes: 1 });
    assert.equal((await kubectl(state, "ci", "get", "nodes", "-o", "name")).trim(), "node/node-0");
  });

  it("ends as a whole when its process 1 is killed, and leaves nothing after a stop", async () => {
    const { pid } = readCluster(state) ?? { pid: 0 };
    const group = cgroupOf(join(state, "cluster"));
    assert.ok(processesOf(group).length > 8);
    process.kill(pid, "SIGKILL");
    await eventually("every process is gone", 5, async () => processesOf(group).length === 0 || undefined);
    // Process 1 dies last: it waits for the others.
    await eventually("nothing is taken for running", 5, async () => readCluster(state) === undefined || undefined);
    await stopCluster({ state, keep: false });
    assert.deepEqual(tracesOf(group), []);
    assert.equal(await hostState(), host);
    assert.ok(!existsSync(join(state, "cluster")));
    assert.deepEqual(await stopCluster({ state, keep: false }), { stopped: false });
  });

  it("refuses a number of nodes that it can't have", async () => {
    await assert.rejects(start(state, { nodes: 0 }), /--nodes 0: a whole number from 1 to 9 is needed/);
    await assert.rejects(
      startCluster({ ...({} as Parameters<typeof startCluster>[0]), state, nodes: 10 }),
      /from 1 to 9/,
    );
  });
});
