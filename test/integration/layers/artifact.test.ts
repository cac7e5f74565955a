// What does a preview read of a registry? Artifacts as both agents unpack them, from the real program, by HTTPS and with an account.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { diffsOf } from "../../../commands/diff.ts";
import { render } from "../../../components/delivery/render.ts";
import { rendererVariables } from "../../../components/delivery/render-program.ts";
import { openRepository } from "../../../components/delivery/repository.ts";
import { app, definePlatform, discover, embedded, flux } from "../../../components/index.ts";
import { resolve } from "../../../engine/resolve.ts";
import { openJudge } from "../../../policies/judge.ts";
import { rules } from "../../../policies/rules/index.ts";
import { type ArtifactRegistry, pushArtifact, pushLayers, startRegistry } from "../../artifacts.ts";
import { freePort } from "../../free-port.ts";
import { repositoryWith } from "../../repositories.ts";
import { celForTests } from "../policies/cel.ts";

let storage: string;
let kept: string;
let registry: ArtifactRegistry;
const digests: Record<string, string> = {};
const files = (message: string) => ({
  "deploy/kustomization.yaml": "namePrefix: shop-\nresources: [config.yaml]\n",
  "deploy/config.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {message: ${message}}\n`,
  "plain/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n",
});
const url = (name = "team/shop") => `oci://${registry.host}/${name}`;
const credentials = () => ({
  token: registry.identity.token,
  username: registry.username,
  ca: registry.identity.authority,
});
const open = (revision: Parameters<typeof openRepository>[1], name?: string) =>
  openRepository(url(name), revision, { credentials: credentials() });

before(async () => {
  storage = await mkdtemp(join(tmpdir(), "plumbline-artifact-store-"));
  kept = await mkdtemp(join(tmpdir(), "plumbline-artifact-kept-"));
  process.env[rendererVariables.kustomize] ||= (await resolve(["kustomize"])).get("kustomize")?.path ?? "";
  process.env.PLUMBLINE_RENDERINGS = kept;
  await celForTests();
  registry = await startRegistry({ address: "127.0.0.1", port: await freePort(), storage });
  for (const tag of ["1.0.0", "1.2.0", "2.0.0-rc.1", "latest"])
    digests[tag] = await pushArtifact(registry, "team/shop", tag, files(`of ${tag}`));
});
after(async () => {
  await registry?.close();
  for (const folder of [storage, kept]) await rm(folder, { recursive: true, force: true });
});

test("a tag, the newest of a range and a digest are the artifact that the registry has", async () => {
  const commits = await Promise.all(
    [{ tag: "latest" }, { semver: ">=1.0.0 <2.0.0" }, { semver: "1.x" }, { digest: digests["1.0.0"] ?? "" }].map(
      async (revision) => `sha256:${(await open(revision)).commit}`,
    ),
  );
  assert.deepEqual(commits, [digests.latest, digests["1.2.0"], digests["1.2.0"], digests["1.0.0"]]);
});

test("what it comes to is what the same files come to in Git, for both agents", async () => {
  const { folder } = repositoryWith(files("of 1.2.0"));
  const here = await openRepository(folder, { commit: "HEAD" });
  const there = await open({ tag: "1.2.0" });
  for (const agent of ["flux", "argo-cd"] as const)
    for (const path of ["deploy", "plain"]) {
      const request = { name: "shop", namespace: "shop", path, agent };
      const [one, other] = await Promise.all([render(here, request), render(there, request)]);
      assert.deepEqual(other.objects, one.objects);
      assert.ok(one.objects.length > 0);
    }
});

test("what has a digest is fetched once, and what was kept under it and altered is fetched anew", async () => {
  const revision = { digest: digests["1.0.0"] ?? "" };
  const whole = await open(revision);
  const read = async (snapshot: typeof whole) =>
    (await snapshot.read([...snapshot.entries.values()])).get("deploy/config.yaml")?.toString();
  const text = await read(whole);
  assert.match(text ?? "", /message: of 1\.0\.0/);
  // Nobody answers there: all of it is on this machine.
  const away = await openRepository("oci://127.0.0.1:1/team/shop", revision);
  assert.equal(await read(away), text);
  for (const name of await readdir(join(kept, "artifacts"))) await writeFile(join(kept, "artifacts", name), "altered");
  assert.equal(await read(await open(revision)), text);
});

test("what cannot be read says which repository and revision, and why", async () => {
  const cases: [() => Promise<unknown>, RegExp][] = [
    [
      () => open({ tag: "3.0.0" }),
      /cannot read tag 3\.0\.0 of oci:\/\/127\.0\.0\.1:\d+\/team\/shop: 3\.0\.0 is not there/,
    ],
    [() => open({ semver: ">=3" }), /none of its 4 tags is in that range/],
    [() => open({ semver: "newest" }), /it is no range of versions/],
    [() => open({ branch: "main" }), /an artifact has \{ tag \}, \{ semver \} and \{ digest \}/],
    [
      () => openRepository(url(), { tag: "latest" }, { credentials: { ...credentials(), token: "another" } }),
      /lets nobody read with these credentials/,
    ],
    [
      () => openRepository(url(), { tag: "latest" }, { credentials: { ca: registry.identity.authority } }),
      /lets nobody read/,
    ],
    [() => openRepository(url(), { tag: "latest" }), /certificate|self-signed|issuer/],
  ];
  for (const [tried, said] of cases)
    await assert.rejects(tried(), (error: Error) => {
      assert.equal(error.name, "SourceError");
      assert.match(error.message, said);
      assert.ok(!error.message.includes(registry.identity.token));
      return true;
    });
});

test("an image, several archives, a path out of it and an archive that is none are refused", async () => {
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const archive = gzipSync(Buffer.alloc(1024));
  await pushLayers(registry, "odd", "two", [
    { bytes: archive, mediaType },
    { bytes: gzipSync(Buffer.alloc(2048)), mediaType },
  ]);
  await pushLayers(registry, "odd", "other", [{ bytes: Buffer.from("a: b"), mediaType: "application/yaml" }]);
  await pushLayers(registry, "odd", "broken", [{ bytes: Buffer.from("no archive, whatever it says"), mediaType }]);
  await pushLayers(registry, "odd", "out", [{ bytes: gzipSync(outside()), mediaType }]);
  await assert.rejects(open({ tag: "two" }, "odd"), /one layer with an archive of files, and the layers .* are: /);
  await assert.rejects(open({ tag: "other" }, "odd"), /the layers of this one are: application\/yaml/);
  await assert.rejects(open({ tag: "broken" }, "odd"), { name: "SourceError" });
  await assert.rejects(open({ tag: "out" }, "odd"), /\.\.\/escaped\.yaml leads out of it/);
});

/** An archive with a file beside its own folder, as no program packs it. */
const outside = (): Buffer => {
  const header = Buffer.alloc(512);
  header.write("../escaped.yaml", 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write("00000000000\0", 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(1024)]);
};

const declared = (revision: { readonly tag: string }, model: "pull" | "push") =>
  definePlatform(
    {
      name: "p",
      git: { url: "https://git.example/p.git", branch: "main" },
      cluster: embedded(),
      apps: [
        app({
          name: "shop",
          source: { repository: url(), path: "deploy", revision, credentials: { ca: registry.identity.authority } },
          model,
        }),
      ],
    },
    { agent: flux() },
  );

test("diff tells what another artifact changes, with the account of docker login, and wants to be told which", async () => {
  const account = Buffer.from(`${registry.username}:${registry.identity.token}`).toString("base64");
  await writeFile(join(kept, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth: account } } }));
  process.env.DOCKER_CONFIG = kept;
  const judge = await openJudge(rules);
  const tell = (name: string | undefined, revisions: object) =>
    diffsOf(declared({ tag: "1.2.0" }, "pull"), name, revisions, judge);
  try {
    const [found, ...others] = await tell("shop", { from: "1.0.0" });
    assert.equal(others.length, 0);
    assert.deepEqual([`sha256:${found?.from}`, `sha256:${found?.to}`], [digests["1.0.0"], digests["1.2.0"]]);
    assert.deepEqual(
      found?.changes.map(({ change, object, place }) => `${change} ${object} ${place}`),
      ["changed ConfigMap shop/shop-words deploy/config.yaml:1"],
    );
    const [same] = await tell("shop", { from: digests["1.2.0"], to: "1.2.0" });
    assert.deepEqual(same?.changes, []);
    await assert.rejects(tell("shop", {}), /Which artifact of oci:\S+ came before, its registry does not say/);
    assert.deepEqual(await tell(undefined, {}), []);
  } finally {
    judge.close();
  }
});

test("an app of the model push is rendered from the artifact, and its kind is found in it", async () => {
  const { settings, pushed } = await discover(declared({ tag: "1.0.0" }, "push"));
  assert.equal((settings.apps[0] as { kind?: string }).kind, "kustomize");
  const rendering = pushed?.get("shop") ?? assert.fail("it was not rendered");
  assert.equal(`sha256:${rendering.commit}`, digests["1.0.0"]);
  assert.deepEqual(
    rendering.objects.map(({ object }) => [object.metadata.name, (object as { readonly data?: unknown }).data]),
    [["shop-words", { message: "of 1.0.0" }]],
  );
});
