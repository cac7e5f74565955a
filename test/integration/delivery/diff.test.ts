// What does a commit change, asked of repositories with the real renderer and the real judge?
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type AppDiff, diffsOf } from "../../../commands/diff.ts";
import { app, apps, definePlatform, embedded, flux } from "../../../components/index.ts";
import { openJudge } from "../../../policies/judge.ts";
import { rules } from "../../../policies/rules/index.ts";
import { type Files, repositoryWith } from "../../repositories.ts";
import { celForTests } from "../policies/cel.ts";
import { rendererForTests } from "./renderers.ts";

before(async () => {
  await celForTests();
  await rendererForTests("kustomize");
});

const config = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: ${data}}\n`;
const start: Files = {
  "apps/one/a.yaml": config("x"),
  "apps/two/a.yaml": config("x"),
  "apps/over/kustomization.yaml": "resources: [../../base]\nnamePrefix: my-\n",
  "base/kustomization.yaml": "resources: [a.yaml]\n",
  "base/a.yaml": config("x"),
};
type Declared = Parameters<typeof definePlatform>[0]["apps"];

/** What a commit on top of `start` changes. */
const changed = async (
  files: Files,
  options: { readonly name?: string; readonly from?: string; readonly declared?: Declared } = {},
): Promise<AppDiff[]> => {
  const repository = repositoryWith(start);
  repository.commit(files);
  const settings = { name: "p", git: { url: "https://git.example/p.git", branch: "main" }, cluster: embedded() };
  const definition = definePlatform(
    { ...settings, apps: options.declared ?? [apps({ path: "apps/*" })] },
    { agent: flux() },
  );
  const judge = await openJudge(rules);
  try {
    const revisions = { repository: repository.folder, ...(options.from && { from: options.from }) };
    return await diffsOf(definition, options.name, revisions, judge);
  } finally {
    judge.close();
  }
};
const told = (found: readonly AppDiff[]) =>
  found.flatMap(({ app: name, changes }) =>
    changes.map(({ change, object, place }) => `${name}: ${change} ${object} ${place}`),
  );

describe("what a commit changes", () => {
  it("is told for the apps that it touches, through their bases too", async () => {
    assert.deepEqual(told(await changed({ "apps/one/a.yaml": config("y"), "base/a.yaml": config("y") })), [
      "one: changed ConfigMap one/a apps/one/a.yaml:1",
      "over: changed ConfigMap over/my-a base/a.yaml:1",
    ]);
  });

  it("is told of apps that come and go, and of kinds that change", async () => {
    const found = await changed({
      "apps/two": null,
      "apps/new/a.yaml": config("x"),
      "apps/one/kustomization.yaml": "resources: [a.yaml]\nnameSuffix: -b\n",
    });
    assert.deepEqual(told(found).sort(), [
      "new: added ConfigMap new/a apps/new/a.yaml:1",
      "one: added ConfigMap one/a-b apps/one/a.yaml:1",
      "one: deleted ConfigMap one/a apps/one/a.yaml:1",
      "two: deleted ConfigMap two/a apps/two/a.yaml:1",
    ]);
  });

  it("is asked of no renderer where no file of an app differs", async () => {
    const program = process.env.PLUMBLINE_KUSTOMIZE;
    process.env.PLUMBLINE_KUSTOMIZE = "/nowhere";
    try {
      assert.deepEqual(told(await changed({ "README.md": "nothing of an app" })), []);
    } finally {
      process.env.PLUMBLINE_KUSTOMIZE = program;
    }
  });

  it("comes with the rules that it breaks, where it breaks them", async () => {
    const [found] = await changed(
      {
        "apps/one/b.yaml": "\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {hostPID: true, containers: []}\n",
      },
      { name: "one" },
    );
    assert.deepEqual(
      found?.violations.map(({ place, object, message }) => [place, object, message.split(":")[0]]).slice(0, 1),
      [["apps/one/b.yaml:2", "Pod one/b", "host-namespaces"]],
    );
    const [same] = await changed({ "apps/one/a.yaml": config("y") }, { name: "one" });
    assert.deepEqual(same?.violations, []);
  });

  it("is refused with file and line where it cannot be rendered, and names the apps there are", async () => {
    await assert.rejects(changed({ "apps/one/a.yaml": "a: [\n" }), {
      code: "NOT_RENDERED",
      message: /apps\/one\/a\.yaml:\d: /,
    });
    await assert.rejects(changed({ "apps/one/a.yaml": config("y") }, { name: "three" }), {
      code: "NO_APP",
      message: /There are: one, over, two$/,
    });
    await assert.rejects(changed({ "apps/one/a.yaml": config("y") }, { from: "gone" }), {
      code: "NOT_RENDERED",
      message: /cannot read commit gone of \//,
    });
  });

  it("names the commit before as what to choose another for, where that is the one that can't be rendered", async () => {
    const repository = repositoryWith({ "app/a.yaml": config("x") });
    const wrong = repository.commit({ "app/a.yaml": "a: [\n" });
    repository.commit({ "app/a.yaml": config("z") });
    const settings = { name: "p", git: { url: "https://git.example/p.git", branch: "main" }, cluster: embedded() };
    const definition = definePlatform(
      { ...settings, apps: [app({ name: "one", source: { path: "app" } })] },
      { agent: flux() },
    );
    const judge = await openJudge(rules);
    try {
      const revisions = { repository: repository.folder };
      await assert.rejects(diffsOf(definition, undefined, revisions, judge), {
        code: "NOT_RENDERED",
        message: new RegExp(`at commit ${wrong.slice(0, 12)}: app/a\\.yaml`),
        wayOut: /--from COMMIT/,
      });
      const found = await diffsOf(definition, undefined, { ...revisions, from: "HEAD~2" }, judge);
      assert.deepEqual(told(found), ["one: changed ConfigMap one/a app/a.yaml:1"]);
    } finally {
      judge.close();
    }
  });

  it("follows the revision of the app, and its namespace", async () => {
    const declared = [
      app({ name: "single", namespace: "home", source: { path: "apps/one", revision: { branch: "main" } } }),
    ];
    assert.deepEqual(told(await changed({ "apps/one/a.yaml": config("y") }, { declared })), [
      "single: changed ConfigMap home/a apps/one/a.yaml:1",
    ]);
  });
});
