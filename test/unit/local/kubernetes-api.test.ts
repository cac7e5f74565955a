// What the small Kubernetes client does with an answer that puts it off.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { dump } from "js-yaml";
import { ensureCertificates, readCredential } from "../../../local/certificates.ts";
import { type Api, ApiError, connect } from "../../../local/kubernetes-api.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-api-"));
/** What the server answers, one after the other; the last one for ever. */
let answers: { status: number; retryAfter?: string }[] = [];
let asked = 0;
let api: Api;
let end: () => void;

before(async () => {
  await ensureCertificates(folder, 1);
  const { certificate, key } = await readCredential(folder, "kube-apiserver");
  const server = createServer({ cert: certificate, key }, (_, response) => {
    asked += 1;
    const { status, retryAfter } =
      answers.length > 1 ? (answers.shift() ?? assert.fail()) : (answers[0] ?? assert.fail());
    response.writeHead(status, retryAfter ? { "Retry-After": retryAfter } : {});
    response.end(JSON.stringify(status === 200 ? { items: [] } : { message: "storage is (re)initializing" }));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const file = join(folder, "kubeconfig.yaml");
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    file,
    dump({
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "here", user: "me" } }],
      clusters: [
        {
          name: "here",
          cluster: { server: `https://127.0.0.1:${port}`, "certificate-authority": join(folder, "ca.crt") },
        },
      ],
      users: [{ name: "me", user: { token: "none" } }],
    }),
  );
  api = await connect(file);
  end = () => server.close();
});
beforeEach(() => {
  asked = 0;
});
after(() => {
  api.close();
  end();
  rmSync(folder, { recursive: true });
});

test("an API server that still fills its caches is asked again when it says so", async () => {
  answers = [{ status: 429, retryAfter: "0.01" }, { status: 429, retryAfter: "0.01" }, { status: 200 }];
  assert.deepEqual(await api.list("/apis/example.com/v1/things"), []);
  assert.equal(asked, 3);
});

test("but not for ever", async () => {
  answers = [{ status: 429, retryAfter: "0.01" }];
  await assert.rejects(api.get("/api/v1/pods"), (error) => error instanceof ApiError && error.status === 429);
  assert.equal(asked, 11);
});

test("a refusal that names no time is one, such as that of an eviction", async () => {
  answers = [{ status: 429 }];
  await assert.rejects(api.send("POST", "/api/v1/namespaces/a/pods/b/eviction", {}), /initializing/);
  assert.equal(asked, 1);
});
