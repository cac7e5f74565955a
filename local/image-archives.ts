// How does a program become a container image? Archives of one layer; the same program gives the same bytes.
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { create, extract, list } from "tar";
import type { Image, Part } from "./images.ts";

/**
 * Makes the archives (OCI layout in a tar file, uncompressed: nothing travels) that are missing; one caller at a time.
 *
 * @param programs folder with the programs
 * @param cache folder that keeps archives between starts and clones
 * @returns their paths, in the order of `wanted`
 */
export const makeImages = async (wanted: readonly Image[], programs: string, cache: string): Promise<string[]> => {
  await mkdir(cache, { recursive: true });
  const paths: string[] = [];
  for (const image of wanted) {
    const path = join(cache, `${basename(image.path)}-${await fingerprint(image, programs)}.tar`);
    if (!(await stat(path).catch(() => undefined))) await makeImage(image, programs, path);
    paths.push(path);
  }
  return paths;
};

/**
 * A short hash that changes with the image. Reading hundreds of megabytes at each start would cost more than the rest:
 * size and time stand for the content of the program.
 */
export const fingerprint = async (image: Image, programs: string): Promise<string> => {
  const states = partsOf(image).map(async ({ program }) => {
    const { size, mtimeMs } = await stat(join(programs, program));
    return [size, mtimeMs];
  });
  return digest(JSON.stringify([4, image, await Promise.all(states), process.arch])).slice(0, 24);
};

const partsOf = (image: Image): Part[] => [image, ...(image.beside ?? [])];

const makeImage = async (image: Image, programs: string, path: string): Promise<void> => {
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  try {
    const content = join(draft, "content");
    const entries: string[] = [];
    for (const part of partsOf(image)) {
      const file = join(content, part.path);
      const program = join(programs, part.program);
      await mkdir(dirname(file), { recursive: true });
      if (part.program.endsWith(".tar")) {
        await extract({ file: program, cwd: content });
        await list({ file: program, onReadEntry: ({ type, path }) => type === "File" && entries.push(path) });
        continue;
      }
      await copyFile(program, file);
      await chmod(file, 0o755);
      const links = part.links ? await part.links(program) : [];
      for (const link of links) await symlink(basename(file), join(dirname(file), link));
      entries.push(
        ...[part.path, ...links.map((link) => join(dirname(part.path), link))].map((entry) => entry.slice(1)),
      );
    }
    await create({ file: join(draft, "layer"), cwd: content, portable: true, mtime: epoch }, entries);

    const layout = join(draft, "layout");
    await mkdir(join(layout, "blobs", "sha256"), { recursive: true });
    const layer = await put(layout, await readFile(join(draft, "layer")), "layer.v1.tar");
    const config = await put(layout, configuration(image, layer.digest), "config.v1+json");
    const manifest = await put(
      layout,
      json({ schemaVersion: 2, mediaType: type("manifest.v1+json"), config, layers: [layer] }),
      "manifest.v1+json",
    );
    const index = {
      schemaVersion: 2,
      manifests: [{ ...manifest, annotations: { "io.containerd.image.name": image.name } }],
    };
    await writeFile(join(layout, "index.json"), json(index));
    await writeFile(join(layout, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
    const archive = join(draft, "archive");
    await create({ file: archive, cwd: layout, portable: true, mtime: epoch }, ["oci-layout", "index.json", "blobs"]);
    await rename(archive, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
};

const epoch = new Date(0);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const digest = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");
const type = (kind: string): string => `application/vnd.oci.image.${kind}`;

const put = async (layout: string, data: Buffer, kind: string) => {
  const hash = digest(data);
  await writeFile(join(layout, "blobs", "sha256", hash), data);
  return { mediaType: type(kind), digest: `sha256:${hash}`, size: data.length };
};

const configuration = (image: Image, layer: string): Buffer =>
  json({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      ...(image.command ? { Cmd: image.command } : { Entrypoint: image.entrypoint ?? [image.path] }),
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: [layer] },
  });
