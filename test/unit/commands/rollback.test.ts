// An app goes back by a commit: in real repositories, with the files of other apps left alone.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { appFiles, openCheckout } from "../../../commands/checkout.ts";
import { rolledBack } from "../../../commands/rollback.ts";
import { app, apps, definePlatform, embedded, flux } from "../../../components/index.ts";
import { repositoryWith } from "../../repositories.ts";

const files = { url: "https://git.example/p.git", branch: "main", path: "apps/shop" };
const yes = { yes: true, push: false };

/** Three states of an app, beside another that changes with it. */
const three = () => {
  const repository = repositoryWith({ "apps/shop/a.yaml": "1", "apps/other/a.yaml": "1" });
  repository.commit({ "apps/shop/a.yaml": "2", "apps/shop/new.yaml": "2", "apps/other/a.yaml": "2" });
  repository.commit({ "apps/shop/a.yaml": "3" });
  repository.git("config", "user.name", "Ada");
  repository.git("config", "user.email", "ada@example.com");
  const read = (path: string) => readFileSync(join(repository.folder, path), "utf8");
  return { ...repository, read };
};

test("without --yes it tells what would change, and changes nothing", async () => {
  const { folder, git } = three();
  const head = git("rev-parse", "HEAD");
  const said = await rolledBack(await openCheckout(folder, files), "shop", files.path, { yes: false, push: true });
  assert.match(said, /^shop goes back to [0-9a-f]{10}, without\n {2}[0-9a-f]+ a change\n.*apps\/shop\/a\.yaml \| 2/s);
  assert.match(
    said,
    /plumbline diff shop --repository \S+ --from HEAD --to [0-9a-f]{10}\n.*plumbline rollback shop --yes --push\n$/,
  );
  assert.deepEqual([git("rev-parse", "HEAD"), git("status", "--porcelain")], [head, ""]);
});

test("each rollback goes one change further, and leaves other apps as they are", async () => {
  const { folder, git, read } = three();
  const back = async () => rolledBack(await openCheckout(folder, files), "shop", files.path, yes);
  const second = git("rev-parse", "HEAD~1");
  assert.match(await back(), /Committed [0-9a-f]{10}, not pushed: git -C \S+ push origin main\n$/);
  assert.deepEqual([read("apps/shop/a.yaml"), read("apps/shop/new.yaml"), read("apps/other/a.yaml")], ["2", "2", "2"]);
  assert.match(
    git("log", "-1", "--format=%an %B"),
    new RegExp(`^Ada Roll shop back to .*Rolled-back-to: ${second}$`, "s"),
  );
  await back();
  assert.deepEqual([read("apps/shop/a.yaml"), read("apps/other/a.yaml")], ["1", "2"]);
  assert.throws(() => read("apps/shop/new.yaml"));
  await assert.rejects(back, { code: "NOTHING_BEFORE" });
  assert.equal(git("status", "--porcelain"), "");
});

test("to a revision that is named, and pushed to the branch that the app follows", async () => {
  const { folder, git, read } = three();
  const bare = repositoryWith({ "x.yaml": "x" });
  bare.git("config", "receive.denyCurrentBranch", "ignore");
  git("remote", "add", "origin", bare.folder);
  git("push", "--quiet", "--force", "origin", "main");
  git("tag", "good", "HEAD~2");
  const said = await rolledBack(await openCheckout(folder, files), "shop", files.path, {
    to: "good",
    yes: true,
    push: true,
  });
  assert.match(said, /, pushed to main\n$/);
  assert.equal(read("apps/shop/a.yaml"), "1");
  assert.equal(bare.git("rev-parse", "main"), git("rev-parse", "HEAD"));
  for (const to of ["HEAD", "nowhere", "--all"])
    await assert.rejects(
      async () => rolledBack(await openCheckout(folder, files), "shop", files.path, { to, ...yes }),
      {
        code: "NOTHING_BEFORE",
      },
    );
});

test("only a clean checkout of the branch that the app follows, with the app in it", async () => {
  const { folder, git, commit } = three();
  mkdirSync(join(folder, "apps/shop/below"));
  assert.equal(
    (await openCheckout(join(folder, "apps/shop/below"), files)).folder,
    git("rev-parse", "--show-toplevel"),
  );
  const refused = (path: string, more = {}) =>
    openCheckout(path, { ...files, ...more }).then(
      () => assert.fail("it was taken"),
      ({ code, message, wayOut }: { code: string; message: string; wayOut: string }) => `${code} ${message} ${wayOut}`,
    );
  assert.match(await refused("/"), /NO_CHECKOUT .*no checkout of Git git clone --branch main https:/);
  assert.match(await refused(folder, { path: "apps/none" }), /it has nothing at apps\/none/);
  assert.match(await refused(folder, { branch: "next" }), /it is on main, and the app follows next git switch next/);
  commit({ "apps/shop/a.yaml": "4" });
  git("rm", "--quiet", "apps/shop/a.yaml");
  assert.match(await refused(folder), /changes that are not committed/);
});

test("the files of an app are those that its stack says", () => {
  const git = { url: files.url, branch: "main" };
  const declared = [
    app({ name: "shop", source: { path: "./apps/shop/" } }),
    app({ name: "fixed", source: { path: "a", revision: { tag: "v1" } } }),
    apps({ path: "many/*" }),
  ];
  const definition = definePlatform({ name: "p", git, cluster: embedded(), apps: declared }, { agent: flux() });
  assert.deepEqual(appFiles(definition, "local", "shop"), files);
  assert.deepEqual(appFiles(definition, "local", "one"), { ...files, path: "many/one" });
  assert.throws(() => appFiles(definition, "local", "fixed"), { code: "NO_BRANCH" });
  const { settings, layers } = definition;
  const few = { settings: { ...settings, apps: declared.slice(0, 2) }, layers };
  assert.throws(() => appFiles(few, "local", "one"), { code: "NO_APP", message: /There are: shop, fixed/ });
});
