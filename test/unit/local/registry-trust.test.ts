// What a node is told of a registry that only its cluster knows: in every node, at the place where containerd looks.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ensureCertificates } from "../../../local/certificates.ts";
import { writeNode } from "../../../local/node.ts";
import { trustRegistry } from "../../../local/registry-trust.ts";

const cluster = mkdtempSync(join(tmpdir(), "plumbline-trust-"));
after(() => rmSync(cluster, { recursive: true }));
const registry = { host: "registry.example.test", address: "10.96.0.50", authority: "the authority" };

test("every node has the authority, at the place that its containerd reads, also after it is written anew", async () => {
  for (const node of ["node-0", "node-1"]) mkdirSync(join(cluster, node));
  const { host, address } = registry;
  await trustRegistry(cluster, registry);
  await trustRegistry(cluster, { host, address });
  await ensureCertificates(join(cluster, "pki"), 2);
  for (const [index, node] of ["node-0", "node-1"].entries()) {
    await writeNode(cluster, index, "/group");
    const read = (...path: string[]) => readFileSync(join(cluster, node, ...path), "utf8");
    const [, folder = ""] = /config_path = "\/run\/plumbline\/state\/(.*)"/.exec(read("containerd.toml")) ?? [];
    const hosts = read(folder, registry.host, "hosts.toml");
    assert.match(hosts, /^server = "https:\/\/10\.96\.0\.50"$/m);
    const [, authority = ""] = /^ca = "(.*)"$/m.exec(hosts) ?? [];
    assert.equal(read(folder, registry.host, authority), "the authority");
  }
});
