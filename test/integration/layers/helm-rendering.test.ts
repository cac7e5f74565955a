// Is a chart rendered as helm-controller does it, and is what is wrong with it named by file and line of the repository?
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { Files } from "../../repositories.ts";
import { listed, refusal, rendered, rendererForTests } from "../delivery/renderers.ts";

before(() => rendererForTests("helm"));

const chart: Files = {
  "app/Chart.yaml": "apiVersion: v2\nname: shop-chart\nversion: 1.2.3\nappVersion: '7'\n",
  "app/values.yaml": "replicas: 1\nlabels: {}\n",
  "app/more.yaml": "replicas: 2\nlabels: {more: 'yes'}\n",
  "app/templates/_names.tpl": '{{ define "name" }}{{ .Release.Name }}-web{{ end }}\n',
  "app/templates/web.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "name" . }}
  labels: {{ toJson .Values.labels }}
data:
  replicas: {{ .Values.replicas | quote }}
  chart: {{ .Chart.Version }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: elsewhere, namespace: other}
`,
  "app/templates/NOTES.txt": "Hello {{ .Release.Name }}\n",
  "app/templates/hook.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: before, annotations: {helm.sh/hook: "pre-install,pre-upgrade"}}
`,
  "app/templates/tests/t.yaml":
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\nspec: {}\n",
  "app/crds/kinds.yaml": `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
`,
};
const withTemplate = (text: string): Files => ({ ...chart, "app/templates/bad.yaml": text });

describe("a chart", () => {
  it("comes to the objects of its templates and its kinds, with its hooks marked and without its tests", async () => {
    assert.deepEqual(listed(await rendered(chart)).sort(), [
      "ConfigMap other/elsewhere app/templates/web.yaml",
      "ConfigMap shop/before app/templates/hook.yaml pre-install,pre-upgrade",
      "ConfigMap shop/shop-web app/templates/web.yaml",
      "CustomResourceDefinition undefined/shops.example.com app/crds/kinds.yaml",
    ]);
  });

  it("has the values of its file, of further files, and of the app, the later over the earlier", async () => {
    const dataOf = async (request: Parameters<typeof rendered>[1]) => {
      const { objects } = await rendered(chart, request);
      const found = objects.find(({ object }) => object.metadata.name === "shop-web")?.object as unknown as {
        data: object;
        metadata: { labels: object };
      };
      return { ...found.data, ...found.metadata.labels };
    };
    assert.deepEqual(await dataOf({}), { replicas: "1", chart: "1.2.3" });
    assert.deepEqual(await dataOf({ valuesFiles: ["more.yaml"] }), { replicas: "2", chart: "1.2.3", more: "yes" });
    const values = { replicas: 3, labels: { own: "a" } };
    assert.deepEqual(await dataOf({ valuesFiles: ["more.yaml"], values }), {
      replicas: "3",
      chart: "1.2.3",
      more: "yes",
      own: "a",
    });
    assert.match(
      await refusal(chart, { valuesFiles: ["gone.yaml"] }),
      /^app\/Chart\.yaml: valuesFiles names gone\.yaml/,
    );
  });

  it("may have others in charts/, or beside it", async () => {
    const sub = (folder: string): Files => ({
      [`${folder}/Chart.yaml`]: "apiVersion: v2\nname: db\nversion: 0.1.0\n",
      [`${folder}/templates/db.yaml`]: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n",
    });
    const named = (repository: string) =>
      `${chart["app/Chart.yaml"]}dependencies:\n- {name: db, version: 0.1.0, repository: "${repository}"}\n`;
    const inside = await rendered({
      ...chart,
      ...sub("app/charts/db"),
      "app/Chart.yaml": named("https://charts.example.com"),
    });
    assert.ok(listed(inside).includes("ConfigMap shop/db app/charts/db/templates/db.yaml"), String(listed(inside)));
    const beside = await rendered({ ...chart, ...sub("db"), "app/Chart.yaml": named("file://../db") });
    assert.equal(listed(beside).length, 5);
    assert.match(
      await refusal({ ...chart, "app/Chart.yaml": named("https://charts.example.com") }),
      /^app\/Chart\.yaml:6: the dependency db is not in charts\/: run `helm dependency build`/,
    );
    assert.match(
      await refusal({ ...chart, "app/Chart.yaml": named("file://../gone") }),
      /^app\/Chart\.yaml:6: .*not at gone/,
    );
  });
});

describe("a chart that asks", () => {
  const asking = withTemplate(`apiVersion: v1
kind: ConfigMap
metadata: {name: asked}
data:
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  teapots: {{ .Capabilities.APIVersions.Has "example.com/v1/Teapot" | quote }}
  upgrade: {{ .Release.IsUpgrade | quote }}
`);
  const answers = async (request: Parameters<typeof rendered>[1]) => {
    const { objects, irreproducible } = await rendered(asking, request);
    const found = objects.find(({ object }) => object.metadata.name === "asked")?.object as unknown as { data: object };
    return { data: found.data, places: irreproducible.map(({ line, uses }) => `${line} ${uses}`) };
  };
  const capabilities = { kubeVersion: "v1.31.7", apiVersions: ["example.com/v1", "example.com/v1/Teapot"] };

  it("hears of the cluster, and whether it is an upgrade, which it never is with Argo CD", async () => {
    assert.deepEqual(await answers({ capabilities, upgrade: true }), {
      data: { kube: "v1.31.7", teapots: "true", upgrade: "true" },
      places: [],
    });
    const { data } = await answers({ capabilities, upgrade: true, agent: "argo-cd" });
    assert.deepEqual(data, { kube: "v1.31.7", teapots: "true", upgrade: "false" });
  });

  it("is reported by line where no cluster is known", async () => {
    const { data, places } = await answers({});
    assert.equal((data as { teapots: string }).teapots, "false");
    assert.deepEqual(places, ["5 .Capabilities.KubeVersion", "6 .Capabilities.APIVersions"]);
  });

  it("hears what a file says that the environment names, and a wrong one is named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "plumbline-capabilities-"));
    process.env.PLUMBLINE_CAPABILITIES = join(folder, "cluster.json");
    try {
      writeFileSync(process.env.PLUMBLINE_CAPABILITIES, JSON.stringify(capabilities));
      assert.equal(((await answers({})).data as { kube: string }).kube, "v1.31.7");
      writeFileSync(process.env.PLUMBLINE_CAPABILITIES, "{}");
      await assert.rejects(answers({}), /PLUMBLINE_CAPABILITIES names .*cluster\.json, which holds no capabilities/);
    } finally {
      delete process.env.PLUMBLINE_CAPABILITIES;
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what is wrong with a chart is named by file and line", () => {
  const cases: [string, Files, RegExp][] = [
    ["a template that does not parse", withTemplate("a: b\nc: {{ .Values.x\n"), /^app\/templates\/bad\.yaml:2: /],
    [
      "a function that is not there",
      withTemplate("a: {{ nothing }}\n"),
      /^app\/templates\/bad\.yaml:1: .*"nothing" not defined/,
    ],
    ["a value of nothing", withTemplate("\n\na: {{ .Values.x.y.z }}\n"), /^app\/templates\/bad\.yaml:3: .*nil pointer/],
    [
      "a template that fails",
      withTemplate('\n{{ fail "no such size" }}\n'),
      /^app\/templates\/bad\.yaml:2: .*no such size/,
    ],
    [
      "a required value",
      withTemplate('{{ required "give a host" .Values.host }}\n'),
      /^app\/templates\/bad\.yaml:1: .*give a host/,
    ],
    ["a template that is no YAML", withTemplate("kind: X\n a: b\n"), /^app\/templates\/bad\.yaml:\d: .*mapping values/],
    ["a template that is no object", withTemplate("a: b\n"), /^app\/templates\/bad\.yaml/],
    ["a chart that is none", { "app/Chart.yaml": "name: x\n", "app/templates/a.yaml": "" }, /^app\/Chart\.yaml: /],
  ];
  for (const [what, files, message] of cases) it(what, async () => assert.match(await refusal(files), message));

  it("values of the wrong type", async () => {
    const schema = JSON.stringify({ properties: { replicas: { type: "integer" } } });
    const message = await refusal({ ...chart, "app/values.schema.json": schema }, { values: { replicas: "many" } });
    assert.match(message, /^app\/values\.schema\.json: .*replicas/);
  });
});

describe("what differs each time is reported", () => {
  const password = `# {{ randAlphaNum 5 | quote }}
apiVersion: v1
kind: ConfigMap
metadata: {name: p}
data:
  now: {{ now | date "2006" | quote }}
  {{- /* lookup is only named here */}}
  text: {{ "lookup now" | quote }} {{ .Values.now }}
  made: {{ (lookup "v1" "Secret" "a" "b") | default "none" | quote }}
`;
  it("by file, line and function", async () => {
    const { irreproducible } = await rendered(withTemplate(password.replace("# {{", "#{{")));
    assert.deepEqual(
      irreproducible.map(({ file, line, uses }) => `${file}:${line} ${uses}`),
      ["app/templates/bad.yaml:1 randAlphaNum", "app/templates/bad.yaml:6 now", "app/templates/bad.yaml:9 lookup"],
    );
    assert.deepEqual((await rendered(chart)).irreproducible, []);
  });
});
