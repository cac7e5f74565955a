// The specs of the control plane and the nodes: what lies where, and that they agree with each other.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { controlPlaneProcesses } from "../../../local/control-plane.ts";
import { nodeAddress, nodeName, podRange } from "../../../local/network.ts";
import { nodeMachine } from "../../../local/node.ts";
import type { ProcessSpec } from "../../../local/spec.ts";

const words = (processes: readonly ProcessSpec[]): string[] =>
  processes.flatMap((each) => ("argv" in each ? [...each.argv] : []));

describe("machines", () => {
  it("run nothing but what lies in their own folders", () => {
    for (const process of [...controlPlaneProcesses(), ...nodeMachine(0, "/plumbline-x", []).processes]) {
      assert.ok("argv" in process);
      assert.match(process.argv[0] ?? "", /^\/run\/plumbline\/bin\//);
    }
    const paths = words([...controlPlaneProcesses(), ...nodeMachine(0, "/plumbline-x", []).processes]).flatMap(
      (word) => /=(\/.*)$/.exec(word)?.[1] ?? [],
    );
    assert.ok(paths.length > 15);
    for (const path of paths) assert.match(path, /^(\/run\/plumbline\/(state|log)\/|\/var\/lib\/|\/plumbline-x\/)/);
  });

  it("give each node addresses of its own", () => {
    const all = [0, 1, 8];
    assert.deepEqual(all.map(nodeName), ["node-0", "node-1", "node-8"]);
    assert.deepEqual(all.map(nodeAddress), ["10.88.0.10", "10.88.0.11", "10.88.0.18"]);
    assert.deepEqual(all.map(podRange), ["10.244.0.0/24", "10.244.1.0/24", "10.244.8.0/24"]);
    assert.deepEqual(nodeMachine(8, "/plumbline-x", []).network.uplink, {
      address: "10.88.0.18/24",
      gateway: "10.88.0.1",
    });
  });

  it("keep the kubelet from changing the kernel's settings of the whole host", () => {
    const targets = nodeMachine(0, "/plumbline-x", []).mounts.map(({ target }) => target);
    for (const name of ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"])
      assert.ok(targets.includes(`/proc/sys/${name}`), name);
  });

  it("authorize by node and role, write down who wrote, and let nobody in without a name", () => {
    const api = words(controlPlaneProcesses().filter(({ name }) => name === "kube-apiserver"));
    for (const flag of [
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--enable-aggregator-routing=true",
      "--audit-log-path=/run/plumbline/log/audit.log",
    ]) {
      assert.ok(api.includes(flag), flag);
    }
    assert.ok(api.some((flag) => flag.startsWith("--authentication-config=")));
    assert.ok(words(controlPlaneProcesses()).includes("--use-service-account-credentials=true"));
  });
});
