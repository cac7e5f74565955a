// One word of the stack changes, and nothing else: the other implementation takes over, and what apps have of it holds.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Clone, eventually, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf, portForward } from "./exposed-app.ts";

let clone: Clone;
let kubectl: Kubectl;
let kubeconfig: string;
let stack: string;
let original: string;

before(async () => {
  clone = sharedClone();
  kubeconfig = (await clone.status()).kubeconfig.ci;
  kubectl = await kubectlWith(kubeconfig);
  stack = join(clone.folder, "stacks", "local-full.ts");
  original = await readFile(stack, "utf8");
});
after(() => writeFile(stack, original));

/** An `up` that is killed with all its programs as soon as it changes something: the next one goes on from there. */
const killedUp = async (): Promise<void> => {
  const child = spawn(process.execPath, [join(clone.folder, "launch.mjs"), "pulumi", "up", "--yes", "--skip-preview"], {
    cwd: clone.folder,
    env: { ...process.env, PLUMBLINE_STATE: "", NO_COLOR: "1" },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (/^ \+ .* created \(/m.test(printed) && child.pid) process.kill(-child.pid, "SIGKILL");
  }
  await ended;
  assert.equal(child.signalCode, "SIGKILL", `it ended before it was killed:\n${printed}`);
};

describe("ingress", () => {
  for (const [word, namespace, gone] of [
    ["gatewayApi", "gateway-api", "traefik"],
    ["traefik", "traefik", "gateway-api"],
  ] as const) {
    test(word, async () => {
      await writeFile(stack, original.replace(/\btraefik\b/g, word));
      if (word === "gatewayApi") await killedUp();
      const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview"]);
      assert.equal(exitCode, 0, String(all).slice(-3000));
      const authority = await authorityOf(kubectl);
      const forward = await portForward(kubeconfig, namespace, "traefik", 443);
      try {
        const { code, issuer } = await eventually(
          "the app answers",
          () => askThrough(forward.port, "hello.example.test", authority),
          (answer) => answer.code === 200,
          30,
        );
        assert.equal(code, 200);
        assert.equal(issuer, "plumbline authority of this cluster");
      } finally {
        await forward.end();
      }
      const left = await kubectl(["get", "namespaces", "--output", "name"]);
      assert.ok(!left.includes(`namespace/${gone}\n`), left);
      const drift = await clone.plumbline(["drift"]);
      assert.equal(drift.exitCode, 0, String(drift.all));
    });
  }
});
