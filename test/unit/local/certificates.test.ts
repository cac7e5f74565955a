// Authorities and certificates: who they are for, how long they last, when they are made anew.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { load } from "js-yaml";
import { destroyBootstrapCredential, ensureCertificates } from "../../../local/certificates.ts";
import { kubeconfig } from "../../../local/kubeconfig.ts";

describe("certificates", () => {
  const pki = mkdtempSync(join(tmpdir(), "plumbline-pki-"));
  after(() => rmSync(pki, { recursive: true }));
  const day = 86_400_000;
  const now = new Date("2030-01-01T00:00:00Z");
  const read = (name: string) => new X509Certificate(readFileSync(join(pki, `${name}.crt`)));
  const serials = () =>
    Object.fromEntries(
      readdirSync(pki)
        .filter((name) => name.endsWith(".crt"))
        .map((name) => [name, read(name.slice(0, -4)).serialNumber]),
    );

  it("name who each is, and are signed by the cluster's authority", async () => {
    await ensureCertificates(pki, 2, now);
    const subjects = {
      bootstrap: "O=system:masters\nCN=plumbline:bootstrap",
      ci: "O=plumbline:ci\nCN=plumbline:ci",
      developer: "O=plumbline:developers\nCN=plumbline:developer",
      "node-0": "O=system:nodes\nCN=system:node:node-0",
      "node-1": "O=system:nodes\nCN=system:node:node-1",
      "kubelet-client": "CN=plumbline:kubelet-client",
      "kube-scheduler": "CN=system:kube-scheduler",
    };
    for (const [name, subject] of Object.entries(subjects)) {
      assert.equal(read(name).subject, subject);
      assert.ok(read(name).verify(read("ca").publicKey), name);
    }
    assert.ok(read("front-proxy").verify(read("front-proxy-ca").publicKey));
    assert.ok(!read("front-proxy").verify(read("ca").publicKey));
    assert.ok(read("kube-apiserver").checkIP("10.96.0.1") && read("kube-apiserver").checkIP("127.0.0.1"));
    assert.ok(read("kube-apiserver").checkHost("kubernetes.default.svc"));
    assert.ok(read("node-1").checkIP("10.88.0.11"));
    // Only what serves may be taken for a server.
    assert.deepEqual(read("ci").keyUsage, ["1.3.6.1.5.5.7.3.2"]);
  });

  it("count from a day ago, so that a clock may be set back", () => {
    for (const name of ["ca", "ci"]) assert.equal(Date.parse(read(name).validFrom), now.getTime() - day);
  });

  it("keep keys from others", () => {
    for (const name of readdirSync(pki)) assert.equal(statSync(join(pki, name)).mode & 0o777, 0o600, name);
  });

  it("stay as they are until less than a third of their life is left, or the clock is before their first day", async () => {
    const made = serials();
    await ensureCertificates(pki, 2, new Date(now.getTime() + 240 * day));
    assert.deepEqual(serials(), made);
    await ensureCertificates(pki, 2, new Date(now.getTime() + 250 * day));
    const later = serials();
    assert.equal(later["ca.crt"], made["ca.crt"]);
    assert.notEqual(later["ci.crt"], made["ci.crt"]);
    await ensureCertificates(pki, 2, new Date(now.getTime() - 30 * day));
    assert.notEqual(serials()["ca.crt"], made["ca.crt"]);
    assert.ok(read("ci").verify(read("ca").publicKey), "a new authority signs everything anew");
  });

  it("make up for one whose writing was cut short", async () => {
    rmSync(join(pki, "ci.crt"));
    await ensureCertificates(pki, 2, now);
    assert.ok(
      read("ci").checkPrivateKey((await import("node:crypto")).createPrivateKey(readFileSync(join(pki, "ci.key")))),
    );
  });

  it("never bring back a destroyed bootstrap identity", async () => {
    await destroyBootstrapCredential(pki);
    await ensureCertificates(pki, 2, now);
    assert.deepEqual(
      readdirSync(pki).filter((name) => name.startsWith("bootstrap")),
      ["bootstrap.destroyed"],
    );
  });

  it("come in kubeconfigs that need no other file", async () => {
    const config = load(await kubeconfig(pki, "ci", "https://127.0.0.1:16443")) as {
      clusters: { cluster: { server: string } }[];
      users: { user: Record<string, string> }[];
      contexts: { name: string }[];
      "current-context": string;
    };
    assert.equal(config.clusters[0]?.cluster.server, "https://127.0.0.1:16443");
    assert.equal(
      Buffer.from(config.users[0]?.user["client-certificate-data"] ?? "", "base64").toString(),
      readFileSync(join(pki, "ci.crt"), "utf8"),
    );
    assert.equal(config["current-context"], config.contexts[0]?.name);
  });
});
