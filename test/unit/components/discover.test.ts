import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { test } from "node:test";
import { openRepository } from "../../../components/delivery/repository.ts";
import {
  app,
  apps,
  type Definition,
  definePlatform,
  discover,
  embedded,
  flux,
  Platform,
} from "../../../components/index.ts";
import { singleApps } from "../../../components/settings.ts";
import { repositoryWith } from "../../repositories.ts";

const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const repository = repositoryWith({
  "apps/plain/a.yaml": object,
  "apps/deep/below/a.yaml": object,
  "apps/overlay/kustomization.yml": "resources: []\n",
  "apps/chart/Chart.yaml": "name: chart\n",
  "apps/.hidden/a.yaml": object,
  "apps/README.md": "no app\n",
  "root.yaml": object,
});
const url = `https://git.example/${basename(repository.folder)}`;
const local = dirname(repository.folder);
const platform = (declared: Definition["settings"]["apps"]) =>
  definePlatform({ name: "p", git: { url, branch: "main" }, cluster: embedded(), apps: declared }, { agent: flux() });
const found = async (declared: Definition["settings"]["apps"]) =>
  singleApps((await discover(platform(declared), local)).settings).map(({ name, kind }) => `${name} ${kind}`);

test("each folder of a directory is an app, of the kind that its files have", async () => {
  assert.deepEqual(await found([apps({ path: "apps/*" })]), [
    "chart helm",
    "deep yaml",
    "overlay kustomize",
    "plain yaml",
  ]);
  const { settings } = await discover(platform([apps({ path: "apps/*", interval: "9s", repository: url })]), local);
  assert.deepEqual(singleApps(settings)[3], {
    declared: "app",
    name: "plain",
    source: { path: "apps/plain", repository: url },
    kind: "yaml",
    interval: "9s",
  });
  assert.deepEqual(await found([apps({ path: "*" })]), ["apps yaml"]);
});

test("an app that states its kind is not looked for, one that does not is", async () => {
  const stated = app({
    name: "stated",
    source: { path: "nowhere", repository: "https://git.example/none" },
    kind: "yaml",
  });
  const plain = app({ name: "plain", source: { path: "./apps/overlay/" } });
  assert.deepEqual(await found([stated, plain, app({ name: "root", source: { path: "." } })]), [
    "stated yaml",
    "plain kustomize",
    "root yaml",
  ]);
});

test("what is found is judged as if it had been declared", async () => {
  await assert.rejects(found([apps({ path: "apps/*" }), app({ name: "deep", source: { path: "x" }, kind: "yaml" })]), {
    message: /settings\.apps\.deep\.namespace: .* "deep" has this one/,
  });
  await assert.rejects(
    found([app({ name: "a", source: { path: "a" }, kind: "yaml", dependsOn: ["b"] }), apps({ path: "apps/*" })]),
    {
      message: /settings\.apps\.a\.dependsOn\.0: found "b"; allowed: another app/,
    },
  );
  await assert.rejects(found([app({ name: "plain", source: { path: "apps/plain" }, values: { a: 1 } })]), {
    message: /settings\.apps\.plain\.values: .* only with kind "helm"/,
  });
});

test("a platform whose apps were not asked for is not built", () =>
  assert.throws(() => new Platform(platform([apps({ path: "apps/*" })])), /apps\/\*.*discover/));

test("what is not there is named, with repository and commit", async () => {
  const head = repository.git("rev-parse", "--short=12", "HEAD");
  await assert.rejects(found([app({ name: "a", source: { path: "gone" } })]), {
    name: "SourceError",
    message: `${url} has no folder gone at commit ${head}: push it, or correct source.path`,
  });
  await assert.rejects(found([apps({ path: "root.yaml/*" })]), {
    message: `${url} has no folders root.yaml/* at commit ${head}`,
  });
  await assert.rejects(found([app({ name: "a", source: { path: "apps", revision: "gone" } })]), {
    message: new RegExp(`^cannot read branch gone of ${url}: it is not there\\. Correct`),
  });
});

test("a revision is a branch, a tag, the newest tag of a range, or a commit", async () => {
  const first = repository.git("rev-parse", "HEAD");
  repository.git("tag", "v1.2.0");
  const second = repository.commit({ "root.yaml": `${object}data: {a: b}\n` });
  repository.git("tag", "v1.10.0");
  repository.git("tag", "v2.0.0-rc.1");
  const commitOf = async (revision: Parameters<typeof openRepository>[1], place: string) => {
    const snapshot = await openRepository(place, revision);
    await snapshot.close();
    return snapshot.commit;
  };
  // In place, and fetched as from another machine.
  for (const place of [repository.folder, `file://${repository.folder}`]) {
    assert.equal(await commitOf({ branch: "main" }, place), second);
    assert.equal(await commitOf({ tag: "v1.2.0" }, place), first);
    assert.equal(await commitOf({ semver: ">=1.0.0, <2.0.0" }, place), second);
    assert.equal(await commitOf({ semver: "~1.2" }, place), first);
    assert.equal(await commitOf({ commit: first }, place), first);
    await assert.rejects(commitOf({ semver: ">=3" }, place), /none of its 3 tags is in that range/);
    await assert.rejects(commitOf({ semver: "newest" }, place), /no range of versions/);
  }
});

test("the bytes of a commit are read whole, and links and submodules are told from files", async () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  const mixed = repositoryWith({ "a b.bin": bytes, "empty.yaml": "", link: { link: "a b.bin" } });
  mixed.git("update-index", "--add", "--cacheinfo", `160000,${"a".repeat(40)},module`);
  mixed.git("commit", "--quiet", "--message", "a submodule");
  const { entries, read, close } = await openRepository(mixed.folder, { branch: "main" });
  assert.deepEqual(
    [...entries.values()].map(({ path, type, size }) => [path, type, size]),
    [
      ["a b.bin", "file", 70_000],
      ["empty.yaml", "file", 0],
      ["link", "link", 7],
      ["module", "submodule", 0],
    ],
  );
  const contents = await read([...entries.values()].filter(({ type }) => type !== "submodule"));
  assert.deepEqual(contents.get("a b.bin"), Buffer.from(bytes));
  assert.equal(contents.get("empty.yaml")?.length, 0);
  assert.equal(contents.get("link")?.toString(), "a b.bin");
  await close();
});
