// The platform with all its layers: each is ready and reached, and nothing differs from what is declared.
import assert from "node:assert/strict";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { before, test } from "node:test";
import { loadStack } from "../../stacks/shared/load.ts";
import { type Clone, sharedClone } from "../clone.ts";

let clone: Clone;
before(() => {
  clone = sharedClone();
});

/** Status of an answer. Whose certificate it is and what it says is the matter of each layer's own tests. */
const answer = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = url.startsWith("https:") ? overHttps : overHttp;
    request(url, { rejectUnauthorized: false, timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .on("timeout", () => reject(new Error(`${url}: no answer within 10 s`)))
      .end();
  });

test("every layer of the stack is ready, at the version that it declares", async () => {
  const { phase, stack, layers } = await clone.status();
  assert.equal(phase, "running");
  assert.equal(stack, "local-full");
  assert.deepEqual(
    layers.filter(({ ready }) => !ready),
    [],
  );
  const declared = await loadStack("local-full");
  assert.deepEqual(
    layers.map(({ implementation }) => implementation),
    [declared.settings.cluster, ...Object.values(declared.layers)].map(({ implementation }) => implementation),
  );
  for (const { slot, version } of Object.values(declared.layers))
    assert.equal(layers.find((layer) => layer.slot === slot)?.version, version ?? "");
});

test("each layer that is reached from outside has a URL that answers", async () => {
  const { layers } = await loadStack("local-full");
  const status = await clone.status();
  for (const { slot, reach } of Object.values(layers)) {
    const url = status.layers.find((layer) => layer.slot === slot)?.url ?? "";
    if (!reach) assert.equal(url, "", slot);
    else {
      assert.match(url, new RegExp(`^${reach.scheme}://127\\.0\\.0\\.1:\\d+$`), slot);
      const code = await answer(url);
      assert.ok(code > 0 && code < 500, `${slot}: ${url} answers ${code}`);
    }
  }
});

test("no drift on the untouched platform, twice", async () => {
  for (const _ of [1, 2]) {
    const { exitCode, stdout, all } = await clone.plumbline(["drift", "--json"]);
    assert.equal(exitCode, 0, String(all));
    assert.deepEqual((JSON.parse(stdout) as { findings: unknown[] }).findings, []);
  }
});
