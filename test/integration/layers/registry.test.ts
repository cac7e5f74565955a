// The registry as its pods run it: both programs read the configuration that we write, and are used as clients use them.
import assert from "node:assert/strict";
import { createHash, randomUUID, webcrypto } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { execa } from "execa";
import { userFiles } from "../../../components/registry/distribution-accounts.ts";
import {
  folders,
  frontConfiguration,
  frontRoutes,
  ports,
  registryConfiguration,
} from "../../../components/registry/distribution-config.ts";
import { dataFolder, type RegistryStorageArgs, storageOf } from "../../../components/registry/distribution-storage.ts";
import { resolve } from "../../../engine/resolve.ts";
import { makeImages } from "../../../local/image-archives.ts";
import { pushImage } from "../../../local/image-push.ts";
import { eventually } from "../../clone.ts";
import { freePort } from "../../free-port.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-registry-"));
const host = "registry.example.test";
const running: { readonly kill: () => Promise<unknown> }[] = [];
const passwords: Record<string, string> = { pull: "pull-word", push: "push-word" };
let programs: { registry: string; traefik: string };
let authority: string;
let archive: string;

/** A certificate for the host that its own key signs. */
const certificate = async (): Promise<{ key: string; certificate: string }> => {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  x509.cryptoProvider.set(webcrypto);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    // One name for each: what is trusted is found by it.
    name: `CN=${randomUUID()}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: host }])],
  });
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { key: x509.PemConverter.encode(key, "PRIVATE KEY"), certificate: made.toString("pem") };
};

/** Files as a volume of the kubelet has them: names that lead through one link, which a renewal exchanges. */
const putVolume = (name: string, files: Readonly<Record<string, string>>): string => {
  const volume = join(folder, name);
  const version = `..${Date.now()}`;
  mkdirSync(join(volume, version), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(volume, version, file), text);
  symlinkSync(version, join(volume, "..data.new"));
  renameSync(join(volume, "..data.new"), join(volume, "..data"));
  for (const file of Object.keys(files)) {
    try {
      symlinkSync(join("..data", file), join(volume, file));
    } catch {
      // it is there since the first time
    }
  }
  return version;
};

const versionsOf = (volume: string): string[] =>
  readdirSync(join(folder, volume)).filter((name) => /^\.\.\d+$/.test(name));

/** Where the files of the pod and its ports are in this test. */
const placed = (text: string, name: string, at: Readonly<Record<keyof typeof ports, number>>): string => {
  let result = text.replaceAll(dataFolder, join(folder, name, "data"));
  for (const [kind, path] of Object.entries(folders)) result = result.replaceAll(path, join(folder, name, kind));
  for (const [kind, port] of Object.entries(ports)) {
    result = result.replace(
      new RegExp(`(127\\.0\\.0\\.1)?:${port}\\b`, "g"),
      `127.0.0.1:${at[kind as keyof typeof ports]}`,
    );
  }
  return result;
};

interface Running {
  readonly at: Readonly<Record<keyof typeof ports, number>>;
  readonly config: string;
  readonly dynamic: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Starts both programs on what a pod would read. */
const startRegistry = async (name: string, upstream?: string, env: Record<string, string> = {}): Promise<Running> => {
  const at = {
    https: await freePort(),
    internal: await freePort(),
    registry: await freePort(),
    debug: await freePort(),
  };
  for (const kind of ["registry", "users", "traefik", "data"]) mkdirSync(join(folder, name, kind), { recursive: true });
  const write = (kind: string, file: string, text: string): string => {
    const path = join(folder, name, kind, file);
    writeFileSync(path, placed(text, name, at));
    return path;
  };
  const { htpasswd = "", "push.yaml": push = "" } = userFiles(host, passwords.pull ?? "", passwords.push ?? "");
  write("users", "htpasswd", htpasswd);
  const configuration = { realm: host, storage: storageOf({}), redirect: true, upstream };
  const config = write("registry", "config.yaml", registryConfiguration(configuration));
  const front = write("traefik", "traefik.yaml", frontConfiguration());
  const tls = await certificate();
  authority = tls.certificate;
  const files = {
    "routes.yaml": placed(frontRoutes(!upstream), name, at),
    ...(!upstream && { "push.yaml": push }),
    "tls.crt": tls.certificate,
    "tls.key": tls.key,
  };
  const dynamic = `${name}/dynamic`;
  putVolume(dynamic, files);
  const options = {
    env: { OTEL_TRACES_EXPORTER: "none", REGISTRY_HTTP_SECRET: "uploads", ...env },
    reject: false,
    all: true,
  } as const;
  for (const child of [
    execa(programs.registry, ["serve", config], options),
    execa(programs.traefik, [`--configFile=${front}`], options),
  ]) {
    running.push({
      kill: () => {
        child.kill("SIGKILL");
        return child;
      },
    });
  }
  const answers = (url: string) =>
    eventually(
      url,
      () => fetch(url),
      ({ status }) => status === 200,
      20,
    );
  await answers(`http://127.0.0.1:${at.debug}/debug/health`);
  await answers(`http://127.0.0.1:${at.internal}/ping`);
  await eventually(
    "the routes are there",
    () => ask(at.https, "GET", "/v2/"),
    ({ status }) => status === 401,
    20,
  );
  return { at, config, dynamic, files };
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly fingerprint: string;
}

const ask = (
  port: number,
  method: string,
  path: string,
  account?: string,
  password = passwords[account ?? ""],
): Promise<Answer> =>
  new Promise((done, failed) => {
    const agent = new Agent({ ca: authority, servername: host });
    request(
      {
        hostname: "127.0.0.1",
        port,
        method,
        path,
        agent,
        headers: {
          host,
          accept: "application/vnd.oci.image.manifest.v1+json",
          ...(account && { authorization: `Basic ${Buffer.from(`${account}:${password}`).toString("base64")}` }),
        },
      },
      (response) => {
        const { fingerprint } = (response.socket as TLSSocket).getPeerCertificate();
        let body = "";
        response.on("data", (part) => {
          body += part;
        });
        response.on("end", () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, body, fingerprint }),
        );
      },
    )
      .on("error", failed)
      .end();
  });

/** The variables of a pod, each key of a Secret being this one. */
const keys = (storage: RegistryStorageArgs, key: string): Record<string, string> => ({
  OTEL_TRACES_EXPORTER: "none",
  ...Object.fromEntries(storageOf(storage).env.map(({ name }) => [String(name), key])),
});

let main: Running;
before(async () => {
  const found = await resolve(["registry", "traefik"]);
  programs = { registry: found.get("registry")?.path ?? "", traefik: found.get("traefik")?.path ?? "" };
  writeFileSync(join(folder, "tool"), "#!/bin/sh\n");
  chmodSync(join(folder, "tool"), 0o755);
  const image = { name: "plumbline.local/some/tool:1", program: "tool", path: "/tool" };
  archive = (await makeImages([image], folder, join(folder, "images")))[0] ?? "";
  main = await startRegistry("main");
});
after(async () => {
  await Promise.all(running.map((each) => each.kill()));
  rmSync(folder, { recursive: true });
});

const push = (port: number, account: string, name: string) =>
  pushImage(
    archive,
    name,
    { reached: `127.0.0.1:${port}`, host, authority, username: account, password: passwords[account] ?? "" },
    AbortSignal.timeout(20_000),
  );
const hello = (account?: string, password?: string) => ask(main.at.https, "GET", "/v2/", account, password);

test("nobody is served without an account, or with a wrong password", async () => {
  const { status, headers } = await hello();
  assert.equal(status, 401);
  assert.equal(headers["www-authenticate"], `Basic realm="${host}"`);
  assert.equal((await hello("pull", "guess")).status, 401);
  assert.equal((await hello("pull")).status, 200);
  assert.equal((await hello("push")).status, 200);
});

test("the account that pushes pushes, the one that pulls finds what was pushed", async () => {
  await push(main.at.https, "push", "some/tool:1");
  await push(main.at.https, "push", "some/tool:1");
  const catalog = await ask(main.at.https, "GET", "/v2/_catalog", "pull");
  assert.deepEqual(JSON.parse(catalog.body), { repositories: ["some/tool"] });
  const manifest = await ask(main.at.https, "GET", "/v2/some/tool/manifests/1", "pull");
  assert.equal(manifest.status, 200);
  const { layers } = JSON.parse(manifest.body) as { layers: { digest: string }[] };
  const digest = layers[0]?.digest ?? "";
  const layer = await ask(main.at.https, "GET", `/v2/some/tool/blobs/${digest}`, "pull");
  assert.equal(`sha256:${createHash("sha256").update(layer.body).digest("hex")}`, digest);
});

test("the account that pulls can neither push nor delete", async () => {
  await assert.rejects(push(main.at.https, "pull", "other/tool:1"), /POST .* with 401/);
  const { headers } = await ask(main.at.https, "HEAD", "/v2/some/tool/manifests/1", "pull");
  const digest = String(headers["docker-content-digest"]);
  for (const method of ["DELETE", "PUT", "PATCH", "POST"]) {
    const { status } = await ask(main.at.https, method, `/v2/some/tool/manifests/${digest}`, "pull");
    assert.equal(status, 401, method);
  }
  assert.equal((await ask(main.at.https, "HEAD", "/v2/some/tool/manifests/1", "pull")).status, 200);
});

test("what was deleted goes with the next collection of garbage", async () => {
  await push(main.at.https, "push", "gone/tool:1");
  const { headers, body } = await ask(main.at.https, "GET", "/v2/gone/tool/manifests/1", "pull");
  const path = `/v2/gone/tool/manifests/${headers["docker-content-digest"]}`;
  assert.equal((await ask(main.at.https, "DELETE", path, "push")).status, 202);
  assert.equal((await ask(main.at.https, "HEAD", path, "pull")).status, 404);
  const { headers: kept } = await ask(main.at.https, "HEAD", "/v2/some/tool/manifests/1", "pull");
  assert.equal(kept["docker-content-digest"], headers["docker-content-digest"], "both are the same image");
  const delete1 = `/v2/some/tool/manifests/${headers["docker-content-digest"]}`;
  assert.equal((await ask(main.at.https, "DELETE", delete1, "push")).status, 202);
  const [layer] = (JSON.parse(body) as { layers: { digest: string }[] }).layers;
  const { exitCode, all } = await execa(programs.registry, ["garbage-collect", main.config], {
    env: { OTEL_TRACES_EXPORTER: "none" },
    reject: false,
    all: true,
  });
  assert.equal(exitCode, 0, all);
  assert.equal((await ask(main.at.https, "HEAD", `/v2/some/tool/blobs/${layer?.digest}`, "pull")).status, 404);
  // No memory of what is gone: the same image can be pushed again.
  await push(main.at.https, "push", "some/tool:1");
  assert.equal((await ask(main.at.https, "HEAD", `/v2/some/tool/blobs/${layer?.digest}`, "pull")).status, 200);
});

test("figures are served beside, not by the port that everybody reaches", async () => {
  const figures = await (await fetch(`http://127.0.0.1:${main.at.debug}/metrics`)).text();
  assert.match(figures, /^registry_storage_action_seconds_count\{.*driver="filesystem".*\} [1-9]/m);
  assert.equal((await ask(main.at.https, "GET", "/metrics", "pull")).status, 404);
});

test("a certificate that was renewed is shown without a restart, each time", async () => {
  for (const _ of [1, 2]) {
    const { fingerprint } = await hello("pull");
    const tls = await certificate();
    const old = authority;
    const previous = putVolume(main.dynamic, { ...main.files, "tls.crt": tls.certificate, "tls.key": tls.key });
    for (const version of versionsOf(main.dynamic)) {
      if (version !== previous) rmSync(join(folder, main.dynamic, version), { recursive: true });
    }
    authority = `${old}\n${tls.certificate}`;
    const answer = await eventually(
      "the new one",
      () => hello("pull"),
      (now) => now.fingerprint !== fingerprint,
      20,
    );
    assert.equal(answer.status, 200);
    authority = tls.certificate;
  }
});

test("another registry's images are passed on and kept, and nobody can push", async () => {
  const [mine, upstream] = [authority, `http://127.0.0.1:${main.at.registry}`];
  const cache = await startRegistry("cache", upstream, {
    REGISTRY_PROXY_USERNAME: "pull",
    REGISTRY_PROXY_PASSWORD: passwords.pull ?? "",
  });
  const { status } = await ask(cache.at.https, "GET", "/v2/some/tool/manifests/1", "pull");
  assert.equal(status, 200);
  assert.equal((await ask(cache.at.https, "POST", "/v2/other/tool/blobs/uploads/", "push")).status, 404);
  authority = mine;
});

describe("a wrong field is refused by the program", () => {
  const serve = async (change: (text: string) => string, storage: RegistryStorageArgs = {}) => {
    const configuration = { realm: host, storage: storageOf(storage), redirect: true, upstream: undefined };
    const text = placed(registryConfiguration(configuration), "wrong", {
      https: 0,
      internal: 0,
      registry: 0,
      debug: 0,
    });
    mkdirSync(join(folder, "wrong", "users"), { recursive: true });
    writeFileSync(join(folder, "wrong", "config.yaml"), change(text));
    return execa(programs.registry, ["serve", join(folder, "wrong", "config.yaml")], {
      env: keys(storage, "no key"),
      reject: false,
      all: true,
      timeout: 3000,
      killSignal: "SIGKILL",
    });
  };
  for (const [right, wrong, message] of [
    ["filesystem:", "filesytem:", /not registered: filesytem/],
    ["realm:", "relm:", /"realm" must be set/],
    ["version:", "versoin:", /unsupported version/],
  ] as const) {
    test(`${wrong} instead of ${right}`, async () => {
      const { exitCode, all } = await serve((text) => text.replace(right, wrong));
      assert.ok(exitCode, all);
      assert.match(String(all), message);
    });
  }
  test("Traefik's", async () => {
    const path = join(folder, "front.yaml");
    // Not a field of the first level: of those Traefik passes over what it does not know.
    writeFileSync(path, frontConfiguration().replace("address:", "adress:"));
    const { exitCode, all } = await execa(programs.traefik, [`--configFile=${path}`], {
      reject: false,
      all: true,
      timeout: 10_000,
    });
    assert.ok(exitCode, all);
    assert.match(String(all), /field not found, node: adress/);
  });
  for (const [storage, message] of [
    [{ s3: { bucket: "b", region: "nowhere-1" } }, /invalid region provided: nowhere-1/],
    [{ gcs: { bucket: "b", keyFile: { name: "gcs", key: "missing.json" } } }, /missing\.json: no such file/],
    [{ azure: { account: "images", container: "c", accountKey: { name: "a", key: "k" } } }, /illegal base64/],
  ] as const) {
    test(Object.keys(storage)[0] ?? "", async () => {
      const { exitCode, all } = await serve((text) => text, storage);
      assert.ok(exitCode, all);
      assert.match(String(all), message);
    });
  }
});

test("a bucket is asked where it is, with the keys of the Secret", async () => {
  const asked: { url: string; authorization: string }[] = [];
  const bucket: Server = createServer(({ url = "", headers }, response) => {
    asked.push({ url, authorization: headers.authorization ?? "" });
    response.setHeader("content-type", "application/xml");
    response.end(
      '<?xml version="1.0"?><ListBucketResult><Name>images</Name><IsTruncated>false</IsTruncated></ListBucketResult>',
    );
  }).listen(0, "127.0.0.1");
  try {
    await new Promise((listening) => bucket.once("listening", listening));
    const key = { name: "minio", key: "k" };
    const endpoint = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
    const s3 = { bucket: "images", region: "eu-central-1", endpoint, folder: "one", accessKey: key, secretKey: key };
    const path = join(folder, "s3.yaml");
    const configuration = { realm: host, storage: storageOf({ s3 }), redirect: true, upstream: undefined };
    writeFileSync(path, registryConfiguration(configuration));
    const env = keys({ s3 }, "AKEY");
    await execa(programs.registry, ["garbage-collect", path], { env, reject: false, timeout: 10_000 });
  } finally {
    bucket.close();
  }
  assert.match(asked[0]?.url ?? "", /^\/images\?.*prefix=one%2F/);
  assert.match(asked[0]?.authorization ?? "", /Credential=AKEY\/\d+\/eu-central-1\/s3/);
});
