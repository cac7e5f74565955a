// Images made from programs: valid OCI layouts, the same bytes each time, new ones when the program changes.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { create, extract, list } from "tar";
import { images as components, image } from "../../../components/versions.ts";
import { makeImages } from "../../../local/image-archives.ts";
import { type Image, imageHost, images, imagesFor } from "../../../local/images.ts";

const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

describe("images", () => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-images-"));
  after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "tool");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o700 });
  const tool: Image = {
    name: `${imageHost}/some/tool:1`,
    program: "tool",
    path: "/usr/bin/tool",
    links: async () => ["also"],
  };
  const make = async (cache: string) => (await makeImages([tool], folder, join(folder, cache)))[0] ?? "";

  it("hold the program where upstream has it, as its entrypoint", async () => {
    const archive = await make("a");
    await extract({ file: archive, cwd: folder });
    const read = (digest: string): Buffer => readFileSync(join(folder, "blobs", ...digest.split(":")));
    const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
    assert.equal(index.manifests[0].annotations["io.containerd.image.name"], "plumbline.local/some/tool:1");
    const manifest = JSON.parse(read(index.manifests[0].digest).toString());
    for (const { digest, size } of [index.manifests[0], manifest.config, ...manifest.layers]) {
      assert.equal(`sha256:${sha256(read(digest))}`, digest);
      assert.equal(read(digest).length, size);
    }
    const config = JSON.parse(read(manifest.config.digest).toString());
    assert.deepEqual(config.config.Entrypoint, ["/usr/bin/tool"]);
    assert.deepEqual(config.rootfs.diff_ids, [manifest.layers[0].digest]);
    const entries: string[] = [];
    const layer = join(folder, "blobs", ...manifest.layers[0].digest.split(":"));
    await list({
      file: layer,
      onReadEntry: (entry) =>
        entries.push(`${entry.path} ${(entry.mode ?? 0).toString(8)} ${entry.linkpath ?? ""}`.trim()),
    });
    assert.equal(entries.length, 2);
    assert.equal(entries[0], "usr/bin/tool 755");
    assert.match(entries[1] ?? "", /^usr\/bin\/also .* tool$/);
  });

  it("hold the files of an archive where it has them, beside a program, and start what upstream's start", async () => {
    const files = join(folder, "files");
    mkdirSync(join(files, "usr", "lib"), { recursive: true });
    writeFileSync(join(files, "usr", "lib", "libtool.so.1"), "library");
    await create({ file: join(folder, "more.tar"), cwd: files }, ["usr"]);
    const image: Image = {
      ...tool,
      beside: [{ program: "more.tar", path: "/usr/lib/libtool.so.1" }],
      entrypoint: ["/usr/bin/init", "--"],
    };
    const [archive = ""] = await makeImages([image], folder, join(folder, "c"));
    const into = join(folder, "unpacked");
    mkdirSync(into);
    await extract({ file: archive, cwd: into });
    const read = (digest: string): Buffer => readFileSync(join(into, "blobs", ...digest.split(":")));
    const manifest = JSON.parse(
      read(JSON.parse(readFileSync(join(into, "index.json"), "utf8")).manifests[0].digest).toString(),
    );
    assert.deepEqual(JSON.parse(read(manifest.config.digest).toString()).config.Entrypoint, ["/usr/bin/init", "--"]);
    const entries: string[] = [];
    const layer = join(into, "blobs", ...manifest.layers[0].digest.split(":"));
    await list({ file: layer, onReadEntry: ({ path }) => entries.push(path) });
    assert.deepEqual(entries, ["usr/bin/tool", "usr/bin/also", "usr/lib/libtool.so.1"]);
  });

  it("are the same bytes from the same program", async () => {
    assert.equal(sha256(readFileSync(await make("a"))), sha256(readFileSync(await make("b"))));
  });

  it("are made again when the program changes", async () => {
    const before = await make("a");
    utimesSync(program, 1, 1);
    assert.notEqual(await make("a"), before);
  });

  it("are those that the components name", () => {
    const local = images.map(({ name }) => name);
    for (const program of Object.keys(components) as (keyof typeof components)[]) {
      if ("vendorOnly" in components[program]) continue;
      const wanted = image(program, imageHost);
      assert.ok(local.includes(wanted), `${wanted} is none of ${local.join(", ")}`);
    }
  });

  it("of a program that a kind of app needs are those of the agent that delivers it", () => {
    const named = (implementations: readonly string[]) => imagesFor(implementations).map((row) => row.program);
    assert.ok(named(["flux", "helm"]).includes("helm-controller"));
    assert.ok(!named(["argo-cd", "helm"]).includes("helm-controller"));
    assert.ok(!named(["flux"]).includes("helm-controller"));
  });
});
