// Is plain YAML and Kustomize rendered as kustomize-controller does it, and is what is wrong named by file and line?
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { Files } from "../../repositories.ts";
import { listed, refusal, rendered, rendererForTests } from "./renderers.ts";

before(() => rendererForTests("kustomize"));

const config = (name: string, data = "{a: b}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`;
const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.example/web:1"}]
`;

describe("plain YAML", () => {
  it("is every document of every file below the folder, in the app's namespace", async () => {
    const rendering = await rendered({
      "app/a.yaml": `${config("one")}---\n# nothing\n---\n${config("two")}`,
      "app/below/b.yml": `apiVersion: v1\nkind: List\nitems:\n- ${config("three").replaceAll("\n", "\n  ").trim()}\n`,
      "app/notes.txt": "no manifest",
      "app/.github/workflow.yaml": "on: push\n",
      "other/c.yaml": config("elsewhere"),
      "app/bom.yaml": `\uFEFF${config("marked")}`,
    });
    assert.deepEqual(listed(rendering).sort(), [
      "ConfigMap shop/marked app/bom.yaml:1",
      "ConfigMap shop/one app/a.yaml:1",
      "ConfigMap shop/three app/below/b.yml:1",
      "ConfigMap shop/two app/a.yaml:8",
    ]);
    const { object } = rendering.objects.find(({ object: { metadata } }) => metadata.name === "one") ?? assert.fail();
    assert.deepEqual(object, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "one", namespace: "shop" },
      data: { a: "b" },
    });
  });

  it("takes folders with a kustomization as one, and images of the app", async () => {
    const rendering = await rendered(
      {
        "app/a.yaml": web,
        "app/in/kustomization.yaml": "namePrefix: in-\nresources: [c.yaml]\n",
        "app/in/c.yaml": config("c"),
      },
      { images: { "registry.example/web": "2" } },
    );
    assert.deepEqual(listed(rendering).sort(), [
      "ConfigMap shop/in-c app/in/c.yaml:1",
      "Deployment shop/web app/a.yaml:1",
    ]);
    assert.match(JSON.stringify(rendering.objects), /"image":"registry\.example\/web:2"/);
  });
});

const overlay: Files = {
  "base/kustomization.yaml": "resources: [web.yaml]\n",
  "base/web.yaml": `# the program\n${web}`,
  "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n",
  "part/c.yaml": config("part"),
  "app/kustomization.yaml": `resources: [../base]
components: [../part]
namePrefix: my-
images: [{name: registry.example/web, newTag: "2"}]
patches: [{path: replicas.yaml}]
configMapGenerator: [{name: settings, files: [settings=values.txt]}]
`,
  "app/replicas.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
  "app/values.txt": "a=b\n",
  "app/ignored.yaml": config("ignored"),
};

describe("Kustomize", () => {
  it("is built with bases, components, patches and generators, and each object knows its file", async () => {
    const rendering = await rendered(overlay);
    assert.deepEqual(
      listed(rendering)
        .map((line) => line.replace(/settings-\w{10}/, "settings-hash"))
        .sort(),
      [
        "ConfigMap shop/my-part part/c.yaml:1",
        "ConfigMap shop/my-settings-hash app/kustomization.yaml",
        "Deployment shop/my-web base/web.yaml:2",
      ],
    );
    const text = JSON.stringify(rendering.objects);
    assert.match(text, /"replicas":3/);
    assert.match(text, /registry\.example\/web:2/);
    assert.doesNotMatch(text, /config\.kubernetes\.io/);
  });

  it("gives what the app says of an image precedence, as a whole", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const text = JSON.stringify((await rendered(overlay, { images: { "registry.example/web": digest } })).objects);
    assert.ok(text.includes(`"image":"registry.example/web@${digest}"`), text);
  });
});

describe("what cannot be rendered is named by file and line", () => {
  const cases: [string, Files, RegExp][] = [
    ["no YAML", { "app/a.yaml": "a: [\n" }, /^app\/a\.yaml:\d: /],
    ["a tab", { "app/a.yaml": "kind: X\n\ta: b\n" }, /^app\/a\.yaml:2: /],
    ["a duplicate key", { "app/a.yaml": `${config("a")}data: {}\n` }, /^app\/a\.yaml:5: duplicated mapping key/],
    [
      "a duplicate object",
      { "app/a.yaml": config("a"), "app/b.yaml": `\n${config("a")}` },
      /^app\/b\.yaml:2: ConfigMap a is also in app\/a\.yaml:1/,
    ],
    ["no object", { "app/a.yaml": "a: b\n" }, /^app\/a\.yaml:1: has no apiVersion/],
    ["another encoding", { "app/a.yaml": Uint8Array.of(0x61, 0xff) }, /^app\/a\.yaml:1: is not UTF-8 text/],
    [
      "aliases without end",
      {
        "app/a.yaml": `${config("a", "")}  a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, n) => `  a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join("")}`,
      },
      /^app\/a\.yaml:1: has aliases that expand/,
    ],
    ["17 MB", { "app/a.yaml": `# ${"x".repeat(17_000_000)}\n${config("a")}` }, /^app\/a\.yaml: has 170\d+ bytes/],
    [
      "a pointer of LFS",
      { "app/a.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n" },
      /^app\/a\.yaml: is a pointer of Git LFS/,
    ],
    [
      "a link out of the tree",
      { "app/a.yaml": { link: "../../etc/passwd" } },
      /^app\/a\.yaml: is a symbolic link out of/,
    ],
    ["an absolute link", { "app/a.yaml": { link: "/etc/passwd" } }, /^app\/a\.yaml: is a symbolic link out of/],
    ["a link to its folder", { "app/a": { link: "../app" } }, /^app\/a: is a symbolic link in a circle/],
    [
      "links in a circle",
      { "app/a": { link: "b" }, "app/b": { link: "a" } },
      /^app\/[ab]: is a symbolic link in a circle/,
    ],
    [
      "a link",
      { "app/a.yaml": config("a"), "app/b.yaml": { link: "a.yaml" } },
      /^app\/b\.yaml: is a symbolic link, to a\.yaml/,
    ],
    ["no manifests", { "app/README.md": "nothing" }, /^there are no manifests in app/],
    [
      "a remote base",
      { "app/kustomization.yaml": "resources:\n- github.com/x/y?ref=v1\n" },
      /^app\/kustomization\.yaml:2: names github\.com\/x\/y\?ref=v1/,
    ],
    [
      "a way out",
      { "app/kustomization.yaml": "resources: [../../x.yaml]\n" },
      /^app\/kustomization\.yaml:1: names \.\.\/\.\.\/x\.yaml, which is outside/,
    ],
    [
      "a missing file",
      { "app/kustomization.yaml": "patches:\n- path: x.yaml\n" },
      /^app\/kustomization\.yaml:2: names x\.yaml, which is not there/,
    ],
    [
      "bases in a circle",
      { "app/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../app]\n" },
      /cycle/,
    ],
    [
      "a patch that finds nothing",
      {
        ...overlay,
        "app/replicas.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gone}\n",
      },
      /no matches for Id Deployment.*gone/,
    ],
    ["a kustomization that is none", { "app/kustomization.yaml": "resources: [\n" }, /^app\/kustomization\.yaml:\d: /],
  ];
  for (const [what, files, message] of cases) {
    it(what, async () => assert.match(await refusal(files), message));
  }

  it("a submodule", async () => {
    const { repositoryWith } = await import("../../repositories.ts");
    const repository = repositoryWith({ "app/a.yaml": config("a") });
    repository.git("update-index", "--add", "--cacheinfo", `160000,${"a".repeat(40)},app/module`);
    repository.git("commit", "--quiet", "--message", "a submodule");
    const { openRepository } = await import("../../../components/delivery/repository.ts");
    const { render } = await import("../../../components/delivery/render.ts");
    const snapshot = await openRepository(repository.folder, { branch: "main" });
    await assert.rejects(
      render(snapshot, { name: "shop", namespace: "shop", path: "app" }),
      /app\/module: is a submodule/,
    );
  });
});

describe("renderings", () => {
  it("are kept under what decides them, and nothing is rendered twice", async () => {
    const folder = mkdtempSync(join(tmpdir(), "plumbline-renderings-"));
    process.env.PLUMBLINE_RENDERINGS = folder;
    try {
      const first = await rendered({ "app/a.yaml": config("a") });
      const program = process.env.PLUMBLINE_KUSTOMIZE;
      process.env.PLUMBLINE_KUSTOMIZE = "/nowhere";
      // Another repository and commit, the same files.
      const second = await rendered({ "app/a.yaml": config("a"), "other/b.yaml": config("b") });
      process.env.PLUMBLINE_KUSTOMIZE = program;
      assert.deepEqual(second.objects, first.objects);
      assert.notEqual(second.commit, first.commit);
      await rendered({ "app/a.yaml": config("b") });
      await rendered({ "app/a.yaml": config("a") }, { namespace: "other" });
      assert.equal(readdirSync(folder).length, 3);
    } finally {
      delete process.env.PLUMBLINE_RENDERINGS;
      rmSync(folder, { recursive: true });
    }
  });

  it("say how to get the program where it is missing", async () => {
    const program = process.env.PLUMBLINE_KUSTOMIZE;
    process.env.PLUMBLINE_KUSTOMIZE = "/nowhere";
    try {
      await assert.rejects(
        rendered({ "app/a.yaml": config("c") }),
        /PLUMBLINE_KUSTOMIZE names \/nowhere, which is no program/,
      );
    } finally {
      process.env.PLUMBLINE_KUSTOMIZE = program;
    }
  });
});
