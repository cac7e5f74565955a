// Is what an app names outside of its repository pinned by the lock file, and rendered as Kustomize and Helm would fetch it?
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { load, loadAll } from "js-yaml";
import { namedBy } from "../../../commands/lock.ts";
import { type Lock, lockText } from "../../../components/delivery/lock.ts";
import { lockedRemotes, remotesOf } from "../../../components/delivery/remotes.ts";
import { rendererPath } from "../../../components/delivery/render-program.ts";
import { app, argoCd, definePlatform, embedded, flux } from "../../../components/index.ts";
import { gitServer } from "../../../local/git-server.ts";
import { repoServer } from "../../repo-server.ts";
import { type Files, repositoryWith, type TestRepository } from "../../repositories.ts";
import { listed, refusal, rendered, rendererForTests } from "./renderers.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-lock-test-"));
const config = (name: string, value = "b") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {a: ${value}}\n`;

let server: Server;
let origin: string;
let base: TestRepository;
/** Files that the server has beside repositories of Git, by path. */
const served = new Map<string, Buffer>();
let asked = 0;

before(async () => {
  await rendererForTests("kustomize");
  await rendererForTests("helm");
  base = repositoryWith({
    "deploy/kustomization.yaml": "namePrefix: far-\nresources: [web.yaml, ../shared]\n",
    "deploy/web.yaml": config("web"),
    "shared/kustomization.yaml": "resources: [more.yaml]\n",
    "shared/more.yaml": config("more"),
    "unused/big.yaml": config("unused"),
  });
  base.git("tag", "v1");
  base.git("config", "http.receivepack", "false");
  const git = gitServer({ root: dirname(base.folder), token: "none", pushed: () => {} });
  server = createServer((request, response) => {
    asked++;
    const file = served.get(request.url ?? "");
    if (file) return void response.end(file);
    git.emit("request", request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(join(folder, "remotes"), { recursive: true, force: true });
  process.env.PLUMBLINE_REMOTES = join(folder, "remotes");
  process.env.PLUMBLINE_LOCK = join(folder, "lock.yaml");
  rmSync(process.env.PLUMBLINE_LOCK, { force: true });
});

const remote = (path: string, ref = "v1") => `${origin}/${basename(base.folder)}/.git//${path}?ref=${ref}`;
const resources = (...names: string[]) => `resources: ${JSON.stringify(names)}\n`;

/** What `plumbline lock` finds of an app in the folder `app` of a repository, written down. */
const locked = async (files: Files): Promise<{ found: Lock; moving: readonly string[] }> => {
  const { folder: repository } = repositoryWith(files);
  const shop = app({ name: "shop", source: { path: "app" } });
  const platform = definePlatform(
    { name: "test", cluster: embedded(), git: { url: "https://git.example/x.git", branch: "main" }, apps: [shop] },
    { agent: argoCd() },
  );
  const result = await namedBy(platform, undefined, { repository });
  writeFileSync(process.env.PLUMBLINE_LOCK ?? "", lockText(result.found));
  return result;
};

/** What Kustomize makes of the same files where it fetches by itself. */
const vendor = async (files: Files, ...args: string[]): Promise<unknown[]> => {
  const place = repositoryWith(files).folder;
  const env = { PATH: "/usr/bin:/bin", HOME: place };
  const { stdout } = await promisify(execFile)(rendererPath("kustomize"), args, { cwd: place, env, timeout: 60_000 });
  return loadAll(stdout).filter(Boolean);
};
/** What Argo CD's repository server makes of them, which fetches by itself, too. */
const byArgoCd = async (files: Files): Promise<unknown[]> => {
  const { folder: repository, git } = repositoryWith(files);
  const server = await repoServer();
  try {
    const commit = git("rev-parse", "HEAD");
    return await server.objects({
      repository,
      commit,
      path: "app",
      name: "shop",
      namespace: "shop",
      kind: "kustomize",
    });
  } finally {
    server.close();
  }
};
const byName = (objects: readonly unknown[]) =>
  [...(objects as { metadata: { name: string } }[])].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));

test("a remote base is rendered as Kustomize fetches it, by the network once", async () => {
  const files = {
    "app/kustomization.yaml": resources(remote("deploy"), "own.yaml", "../near"),
    "app/own.yaml": config("own"),
    "near/kustomization.yaml": `nameSuffix: -near\n${resources(remote("shared"))}`,
  };
  const refused = await refusal(files);
  assert.match(
    refused,
    /^app\/kustomization\.yaml:1: names http:\S+\?ref=v1, which is not locked, .*: run `plumbline lock`/,
  );
  const { found, moving } = await locked(files);
  assert.deepEqual(
    found.bases.map(({ ref, commit }) => [ref, commit]),
    [["v1", base.git("rev-parse", "v1")]],
  );
  assert.deepEqual(moving, []);
  const first = await rendered(files);
  const place = `${origin.slice("http://".length).replace(":", "_")}/${basename(base.folder)}/.git@${base.git("rev-parse", "v1").slice(0, 12)}`;
  assert.deepEqual(listed(first).sort(), [
    `ConfigMap shop/far-more ${place}/shared/more.yaml:1`,
    `ConfigMap shop/far-web ${place}/deploy/web.yaml:1`,
    `ConfigMap shop/more-near ${place}/shared/more.yaml:1`,
    "ConfigMap shop/own app/own.yaml:1",
  ]);
  const withNamespace = { ...files, "app/kustomization.yaml": `${files["app/kustomization.yaml"]}namespace: shop\n` };
  const fetched = await vendor(withNamespace, "build", "--load-restrictor=LoadRestrictionsNone", "app");
  assert.deepEqual(byName(first.objects.map(({ object }) => object)), byName(fetched));
  assert.deepEqual(byName(first.objects.map(({ object }) => object)), byName(await byArgoCd(files)));
  const before = asked;
  assert.deepEqual((await rendered(files, { agent: "argo-cd" })).objects, first.objects);
  assert.equal(asked, before, "what is kept was asked for again");
});

test("a base that moves on is told, and the lock holds what it was", async () => {
  const files = { "app/kustomization.yaml": resources(remote("shared", "main")) };
  const { moving } = await locked(files);
  assert.match(moving.join("\n"), /\?ref=main is a branch, and an agent takes what it is then: name a tag or a commit/);
  const first = await rendered(files);
  const was = base.git("rev-parse", "main");
  const is = base.commit({ "shared/more.yaml": config("more", "other") });
  assert.deepEqual((await rendered(files)).objects, first.objects);
  rmSync(join(folder, "remotes"), { recursive: true });
  const reason = `names http:\\S+\\?ref=main, which is commit ${is} now and was ${was}: .*plumbline lock`;
  assert.match(await refusal(files), new RegExp(`^app/kustomization\\.yaml:1: ${reason}`));
  await locked(files);
  assert.match(JSON.stringify((await rendered(files)).objects), /"a":"other"/);
});

test("a file by its URL is what Kustomize makes of it, and another content is refused", async () => {
  served.set("/v2/list.yaml", Buffer.from(config("listed")));
  served.set("/v2/patch.yaml", Buffer.from('[{"op": "replace", "path": "/data/a", "value": patched}]'));
  const files = { "app/kustomization.yaml": resources(`${origin}/v2/list.yaml`) };
  const { found } = await locked(files);
  assert.equal(found.files.length, 1);
  const { objects } = await rendered(files);
  assert.deepEqual(
    objects.map(({ object }) => ({ ...object, metadata: { name: object.metadata.name } })),
    await vendor(files, "build", "app"),
  );
  served.set("/v2/list.yaml", Buffer.from(config("listed", "tampered")));
  await rendered(files); // from what is kept
  const [kept = ""] = readdirSync(join(folder, "remotes/files"));
  appendFileSync(join(folder, "remotes/files", kept), "# by somebody");
  process.env.PLUMBLINE_RENDERINGS = "";
  assert.match(
    await refusal(files),
    /names http:\S+list\.yaml, which has the content \w{64} now and had \w{64}: .*plumbline lock/,
  );
});

test("Flux fetches no bases unless its layer names ports, and its preview says how", async () => {
  const files = { "app/kustomization.yaml": resources(remote("shared")) };
  await locked(files);
  const told = { remotes: remotesOf({ agent: flux() }, "pull") };
  assert.match(
    await refusal(files, told),
    /names http:\S+, which is elsewhere, and nothing is fetched from elsewhere by the agent.*flux\({ remotePorts: \[443\] }\)/,
  );
  for (const remotes of [
    remotesOf({ agent: flux({ remotePorts: [443] }) }, "pull"),
    remotesOf({ agent: flux() }, "push"),
  ])
    assert.equal((await rendered(files, { remotes })).objects.length, 1);
});

test("what is wrong in a base of elsewhere is named there", async () => {
  const bad = repositoryWith({ "deploy/kustomization.yaml": resources("gone.yaml") });
  const url = `${origin}/${basename(bad.folder)}/.git//deploy?ref=main`;
  await assert.rejects(locked({ "app/kustomization.yaml": resources(url) }), {
    code: "NOT_LOCKED",
    message: /^http:\S+\.git at commit \w{12}: deploy\/kustomization\.yaml:1: names gone\.yaml, which is not there/,
  });
  const itself = repositoryWith({ x: "" });
  const own = `${origin}/${basename(itself.folder)}/.git//deploy?ref=main`;
  itself.commit({ "deploy/kustomization.yaml": resources(own) });
  await assert.rejects(locked({ "app/kustomization.yaml": resources(own) }), /leads back to itself/);
  await assert.rejects(
    locked({ "app/kustomization.yaml": resources(`${origin}/none/.git//x?ref=v1`) }),
    /app\/kustomization\.yaml:1: names http:\S+: v1 of http:\S+none\/\.git can't be fetched/,
  );
  await assert.rejects(
    locked({ "app/kustomization.yaml": resources("git@github.com:x/y?ref=v1") }),
    /app\/kustomization\.yaml:1: names git@github\.com:x\/y\?ref=v1, for which agents have no key/,
  );
});

const chart = (name: string, version: string, more = "") =>
  `apiVersion: v2\nname: ${name}\nversion: ${version}\n${more}`;

/** Packs charts into a repository of charts. */
const chartRepository = (...charts: { name: string; version: string; value: string }[]): void => {
  const place = mkdtempSync(join(folder, "charts-"));
  const helm = (...args: string[]) => execFileSync(rendererPath("helm"), args, { cwd: place, env: { HOME: place } });
  for (const { name, version, value } of charts) {
    const { folder: source } = repositoryWith({
      [`${name}/Chart.yaml`]: chart(name, version),
      [`${name}/templates/c.yaml`]: config(`{{ .Release.Name }}-${name}`, `"${value} {{ .Values.word }}"`),
      [`${name}/values.yaml`]: "word: default\n",
    });
    helm("package", join(source, name), "--destination", place);
  }
  helm("repo", "index", place);
  for (const name of readdirSync(place).filter((each) => /\.tgz$|^index\.yaml$/.test(each)))
    served.set(`/charts/${name}`, readFileSync(join(place, name)));
};

test("a chart of a repository of charts is pinned by its digest, in the version of Chart.lock", async () => {
  chartRepository({ name: "cache", version: "1.2.0", value: "old" }, { name: "cache", version: "1.3.0", value: "new" });
  const dependency = `dependencies: [{name: cache, version: ~1, repository: "${origin}/charts"}]\n`;
  const files = {
    "app/Chart.yaml": chart("shop", "1.0.0", dependency),
    "app/values.yaml": "cache: {word: ours}\n",
    "app/templates/c.yaml": config("own"),
  };
  assert.match(
    await refusal(files),
    /^app\/Chart\.yaml:4: the dependency cache is not in charts\/: .*`plumbline lock`.*; ~1 of http:\S+charts is not locked/,
  );
  const newest = await locked(files);
  assert.deepEqual(
    newest.found.charts.map(({ asked: range, version }) => [range, version]),
    [["~1", "1.3.0"]],
  );
  assert.match(newest.moving.join(), /cache ~1 is a range of versions.*Chart\.lock/);
  const { objects } = await rendered(files);
  assert.match(JSON.stringify(objects), /"a":"new ours"/);

  const settled = {
    ...files,
    "app/Chart.lock": `dependencies:\n- name: cache\n  repository: ${origin}/charts\n  version: 1.2.0\ngenerated: "2026-01-01T00:00:00Z"\n`,
  };
  const { found, moving } = await locked(settled);
  assert.deepEqual(
    found.charts.map(({ version }) => version),
    ["1.2.0"],
  );
  assert.deepEqual(moving, []);
  const before = asked;
  const mine = (await rendered(settled)).objects.map(({ object }) => object);
  assert.equal(asked, before, "what is kept was asked for again");
  const archive = { "app/charts/cache-1.2.0.tgz": served.get("/charts/cache-1.2.0.tgz") ?? "" };
  const vendored = await rendered({ ...settled, ...archive });
  assert.deepEqual(byName(mine), byName(vendored.objects.map(({ object }) => object)));
  assert.match(JSON.stringify(mine), /"a":"old ours"/);

  // The same version with another content: what a publisher must not do, and what the lock is for.
  rmSync(join(folder, "remotes"), { recursive: true });
  chartRepository({ name: "cache", version: "1.2.0", value: "replaced" });
  assert.match(
    await refusal(settled),
    /^app\/Chart\.yaml:4: the dependency cache has the content \w{64} now and had \w{64} as version 1\.2\.0, at http/,
  );
});

test("the lock file is the same text for the same content, and nonsense in it is named", async () => {
  const files = { "app/kustomization.yaml": resources(remote("shared"), remote("deploy")) };
  await locked(files);
  const text = readFileSync(process.env.PLUMBLINE_LOCK ?? "", "utf8");
  await locked(files);
  assert.equal(readFileSync(process.env.PLUMBLINE_LOCK ?? "", "utf8"), text);
  assert.equal((load(text) as Lock).bases.length, 1);
  writeFileSync(process.env.PLUMBLINE_LOCK ?? "", "bases: [{repository: x}]\n");
  await assert.rejects(rendered(files), /lock\.yaml is no lock file: .*ref.*remove it and run `plumbline lock`/s);
});

test("whoever may not use the network is told that nothing is known, and not that something is wrong", async () => {
  const files = { "app/kustomization.yaml": resources(remote("shared")) };
  await locked(files);
  rmSync(join(folder, "remotes"), { recursive: true });
  const before = asked;
  await assert.rejects(rendered(files, { remotes: lockedRemotes({ offline: true }) }), { name: "NotKept" });
  assert.equal(asked, before);
});
