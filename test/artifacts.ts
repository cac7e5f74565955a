// A registry of artifacts for tests: the real program, by HTTPS with an authority and an account of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hashSync } from "bcryptjs";
import { create } from "tar";
import { resolve } from "../engine/resolve.ts";
import { type Identity, identityFor } from "./git-hosts.ts";

/** A registry that runs. */
export interface ArtifactRegistry {
  /** Host and port, as they stand in `oci://`. */
  readonly host: string;
  readonly identity: Identity;
  readonly username: string;
  readonly close: () => Promise<void>;
}

/**
 * Starts one at an address.
 *
 * @param storage its folder: two that share it have the same artifacts, so that what is pushed here is there in a cluster
 * @param within a program that starts it elsewhere: in the network of a cluster
 */
export const startRegistry = async (
  { address, port, storage }: { readonly address: string; readonly port: number; readonly storage: string },
  within: readonly string[] = [],
): Promise<ArtifactRegistry> => {
  const identity = await identityFor(address);
  const folder = await mkdtemp(join(tmpdir(), "plumbline-artifacts-"));
  const username = "reader";
  const files = {
    "tls.crt": identity.certificate,
    "tls.key": identity.certificateKey,
    htpasswd: `${username}:${hashSync(identity.token, 4)}\n`,
    "config.json": JSON.stringify({
      version: 0.1,
      log: { level: "error" },
      storage: { filesystem: { rootdirectory: storage } },
      auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } },
      http: {
        addr: `${address}:${port}`,
        secret: "of a test",
        tls: { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") },
      },
    }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const program = (await resolve(["registry"])).get("registry")?.path ?? "";
  const [command = "", ...args] = [...within, program, "serve", join(folder, "config.json")];
  const child: ChildProcess = spawn(command, args, { stdio: "ignore" });
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
      await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  };
  const registry = { host: `${address}:${port}`, identity, username, close };
  // From elsewhere it cannot be asked; it is there within a moment.
  if (within.length > 0) {
    await sleep(1500);
    return registry;
  }
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await ask(registry, "GET", "/v2/").catch(() => undefined);
    if (answer?.code === 200) return registry;
    await sleep(100);
  }
  await close();
  throw new Error(`no registry answers at ${registry.host}`);
};

const ask = (
  { host, identity, username }: ArtifactRegistry,
  method: string,
  path: string,
  { body, type }: { readonly body?: Buffer; readonly type?: string } = {},
): Promise<{ readonly code: number; readonly location: string }> =>
  new Promise((done, failed) => {
    const headers = { ...(type && { "content-type": type }), ...(body && { "content-length": body.length }) };
    const options = { method, headers, auth: `${username}:${identity.token}`, ca: identity.authority, timeout: 10_000 };
    request(new URL(path, `https://${host}`), options, (response) => {
      response.resume();
      response.on("end", () => done({ code: response.statusCode ?? 0, location: response.headers.location ?? "" }));
    })
      .on("error", failed)
      .end(body);
  });

const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Pushes files under a tag, as `flux push artifact` does; gives the digest of the manifest. */
export const pushArtifact = async (
  registry: ArtifactRegistry,
  name: string,
  tag: string,
  files: Readonly<Record<string, string>>,
  layerType = "application/vnd.cncf.flux.content.v1.tar+gzip",
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-artifact-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, "files", path)), { recursive: true });
      await writeFile(join(folder, "files", path), text);
    }
    await create({ file: join(folder, "layer"), gzip: true, cwd: join(folder, "files"), portable: true }, ["."]);
    const layer = await readFile(join(folder, "layer"));
    return await pushLayers(registry, name, tag, [{ bytes: layer, mediaType: layerType }]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Pushes layers as they are. */
export const pushLayers = async (
  registry: ArtifactRegistry,
  name: string,
  tag: string,
  layers: readonly { readonly bytes: Buffer; readonly mediaType: string }[],
): Promise<string> => {
  const put = async (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    const { location } = await ask(registry, "POST", `/v2/${name}/blobs/uploads/`);
    const place = new URL(location, `https://${registry.host}`);
    place.searchParams.set("digest", digest);
    const { code } = await ask(registry, "PUT", place.pathname + place.search, {
      body: bytes,
      type: "application/octet-stream",
    });
    if (code !== 201) throw new Error(`the registry answers ${code} to a blob`);
    return { mediaType, digest, size: bytes.length };
  };
  const config = await put(Buffer.from("{}"), "application/vnd.cncf.flux.config.v1+json");
  const stored = await Promise.all(layers.map(({ bytes, mediaType }) => put(bytes, mediaType)));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: stored }));
  const { code } = await ask(registry, "PUT", `/v2/${name}/manifests/${tag}`, { body: manifest, type: mediaType });
  if (code !== 201) throw new Error(`the registry answers ${code} to a manifest`);
  return digestOf(manifest);
};
