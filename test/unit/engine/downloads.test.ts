import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { create } from "tar";
import { download, downloadedPath, sumOf } from "../../../engine/downloads.ts";
import { resolve } from "../../../engine/resolve.ts";
import { versions } from "../../../engine/versions.ts";

const root = mkdtempSync(join(tmpdir(), "plumbline-downloads-"));
const files = new Map<string, Buffer | string>();
const arch = process.arch === "arm64" ? "arm64" : "amd64";
let server: Server;
let asked = 0;
const { signal } = new AbortController();

before(async () => {
  server = createServer((request, response) => {
    asked++;
    const content = files.get(request.url ?? "");
    response.statusCode = content === undefined ? 404 : 200;
    response.end(content);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  process.env.PLUMBLINE_DOWNLOAD_MIRROR = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`;
});
after(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
  delete process.env.PLUMBLINE_DOWNLOAD_MIRROR;
  delete process.env.PLUMBLINE_CACHE;
  delete process.env.PLUMBLINE_SOURCES;
});

const kubectl = `/mirror/dl.k8s.io/release/v${versions.kubernetes}/bin/linux/${arch}/kubectl`;
const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
const freshCache = (name: string): void => {
  process.env.PLUMBLINE_CACHE = join(root, name);
};

test("a program with the checksum that its vendor publishes is stored, executable, and not fetched twice", async () => {
  freshCache("good");
  files.set(kubectl, "#!kubectl").set(`${kubectl}.sha256`, `${sha256("#!kubectl")}\n`);
  const said: string[] = [];
  const path = await download("kubectl", (detail) => said.push(detail), signal);
  assert.equal(path, downloadedPath("kubectl"));
  assert.equal(readFileSync(path ?? "", "utf8"), "#!kubectl");
  accessSync(path ?? "", constants.X_OK);
  assert.deepEqual(said, ["0.0 of 0.0 MiB"]);
  const before = asked;
  assert.equal(await download("kubectl", () => {}, signal), path);
  assert.equal(asked, before);
});

test("several programs come out of one archive", async () => {
  freshCache("archive");
  const content = join(root, "content");
  mkdirSync(join(content, "bin"), { recursive: true });
  for (const name of ["containerd", "ctr"]) writeFileSync(join(content, "bin", name), name, { mode: 0o755 });
  const file = join(root, "archive.tgz");
  await create({ gzip: true, cwd: content, file }, ["bin"]);
  const name = `containerd-static-${versions.containerd}-linux-${arch}.tar.gz`;
  const url = `/mirror/github.com/containerd/containerd/releases/download/v${versions.containerd}/${name}`;
  files.set(url, readFileSync(file)).set(`${url}.sha256sum`, `${sha256(readFileSync(file))}  ${name}\n`);
  const before = asked;
  for (const program of ["containerd", "ctr"] as const) {
    const path = await download(program, () => {}, signal);
    assert.equal(readFileSync(path ?? "", "utf8"), program);
  }
  assert.equal(asked - before, 2);
});

test("anything but the published content is refused, and nothing of it stays", async () => {
  freshCache("wrong");
  files.set(kubectl, "something else").set(`${kubectl}.sha256`, sha256("#!kubectl"));
  await assert.rejects(
    download("kubectl", () => {}, signal),
    {
      code: "DOWNLOAD_REFUSED",
      message: new RegExp(`has SHA-256 ${sha256("something else")}, but its vendor publishes ${sha256("#!kubectl")}`),
    },
  );
  assert.equal(existsSync(downloadedPath("kubectl") ?? ""), false);
  files.delete(`${kubectl}.sha256`);
  await assert.rejects(
    download("kubectl", () => {}, signal),
    { message: /kubectl\.sha256 answered 404/ },
  );
});

test("resolve takes the download before the build, and the build is not tried without leave", async () => {
  freshCache("order");
  files.set(kubectl, "#!kubectl").set(`${kubectl}.sha256`, sha256("#!kubectl"));
  process.env.PLUMBLINE_SOURCES = "download";
  const resolved = await resolve(["kubectl"]);
  assert.deepEqual(resolved.get("kubectl"), {
    program: "kubectl",
    version: versions.kubernetes,
    path: downloadedPath("kubectl"),
    from: "download",
  });
  await assert.rejects(resolve(["supervisor"]), { code: "NO_SOURCE" });
});

test("a host that does not accept a connection is left out, not waited for again", async () => {
  freshCache("unreachable");
  const mirror = process.env.PLUMBLINE_DOWNLOAD_MIRROR;
  process.env.PLUMBLINE_DOWNLOAD_MIRROR = "http://127.0.0.1:1/mirror";
  assert.equal(await download("kubectl", () => {}, signal), undefined);
  assert.equal(await download("kubelet", () => {}, signal), undefined);
  process.env.PLUMBLINE_DOWNLOAD_MIRROR = mirror;
});

test("sums are found in every form that vendors publish them", () => {
  const sum = "ab".repeat(32);
  const other = "cd".repeat(32);
  assert.equal(sumOf("a.tgz", `${sum}\n`), sum);
  assert.equal(sumOf("a.tgz", `${other}  b.tgz\n${sum.toUpperCase()} *a.tgz\n`), sum);
  assert.equal(sumOf("a.tgz", `${sum}  ./a.tgz`), sum);
  assert.equal(sumOf("a.tgz", `${other}  b.tgz`), undefined);
  assert.equal(sumOf("a.tgz", "<html>not found</html>"), undefined);
});
