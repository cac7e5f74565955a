// One word of the stack changes, and nothing else: the other implementation takes over, and what apps have of it holds.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Clone, eventually, sharedClone } from "../clone.ts";
import { killedUp } from "../killed-up.ts";
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

describe("ingress", () => {
  for (const [word, namespace, gone] of [
    ["gatewayApi", "gateway-api", "traefik"],
    ["traefik", "traefik", "gateway-api"],
  ] as const) {
    test(word, async () => {
      await writeFile(stack, original.replace(/\btraefik\b/g, word));
      if (word === "gatewayApi") await killedUp(clone);
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
