// Does a preview for Argo CD show what Argo CD makes of the same commit? Its own repository server is asked, object by object.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AppKind } from "../../../components/agent/agent.ts";
import type { KubernetesObject } from "../../../components/delivery/manifests.ts";
import { type RenderRequest, render } from "../../../components/delivery/render.ts";
import { placed } from "../../../components/delivery/render-directory.ts";
import { rendererVariables } from "../../../components/delivery/render-program.ts";
import { openRepository } from "../../../components/delivery/repository.ts";
import { resolve } from "../../../engine/resolve.ts";
import { type Asked, type RepoServer, repoServer } from "../../repo-server.ts";
import { type Files, repositoryWith } from "../../repositories.ts";
import { cases } from "./malformed-cases.ts";
import { rendererForTests } from "./renderers.ts";

let server: RepoServer;
before(async () => {
  await rendererForTests("kustomize");
  process.env[rendererVariables.helm] = (await resolve(["argocd-helm"])).get("argocd-helm")?.path ?? "";
  server = await repoServer();
});
after(() => server.close());

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value;

/** Each object as text, in the namespace that Argo CD's controller would send it to, the last of those that stand twice. */
const texts = (objects: readonly object[]): string[] => {
  const last = new Map<string, string>();
  for (const [index, each] of objects.entries()) {
    if (!(each as Partial<KubernetesObject>).metadata) continue;
    const object = placed(each as KubernetesObject, "shop");
    const { kind, apiVersion, metadata } = object;
    const annotations = (metadata as { annotations?: Record<string, string> } | undefined)?.annotations;
    // Its controller knows no tests of Helm: such an object is neither a hook of its own nor one that stays.
    if (annotations?.["helm.sh/hook"] === "test") continue;
    const key = [apiVersion.split("/").reverse()[1], kind, metadata.namespace, metadata.name ?? index].join(" ");
    last.set(key, JSON.stringify(sorted(object)));
  }
  return [...last.values()].sort();
};

type More = Pick<Asked, "values" | "valuesFiles"> & { readonly images?: Readonly<Record<string, string>> };

/** What both make of the app in the folder `app`: texts, or why there is nothing. */
const both = async (files: Files, more: More & Pick<RenderRequest, "capabilities"> = {}) => {
  const { folder, git } = repositoryWith(files);
  const commit = git("rev-parse", "HEAD");
  const paths = Object.keys(files);
  const kind = paths.includes("app/Chart.yaml")
    ? AppKind.Helm
    : paths.some((path) => /^app\/(kustomization\.ya?ml|Kustomization)$/.test(path))
      ? AppKind.Kustomize
      : AppKind.Yaml;
  const { images = {}, capabilities, ...values } = more;
  const asked: Asked = { repository: folder, commit, path: "app", name: "shop", namespace: "shop", kind, ...values };
  const theirs = server
    .objects({
      ...asked,
      images: Object.entries(images).map(([name, tag]) => `${name}:${tag}`),
      ...(capabilities && { ...capabilities }),
    })
    .then(texts, (error: Error) => error);
  const snapshot = await openRepository(folder, { commit });
  const request = { name: "shop", namespace: "shop", path: "app", agent: "argo-cd" as const, ...more };
  const ours = await render(snapshot, request).then(
    ({ objects }) => texts(objects.map(({ object }) => object)),
    (error: Error) => error,
  );
  return { ours, theirs: await theirs };
};

const config = (name: string, rest = "data: {a: b}\n") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${rest}`;
const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.example/web:1", env: [{name: MODE, value: "on"}]}]
`;
const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  names: {kind: Shop, plural: shops}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`;
const chart = {
  "app/Chart.yaml": `apiVersion: v2
name: shop-chart
version: 1.2.3
dependencies:
- {name: db, version: 0.1.0, alias: store, condition: store.enabled}
- {name: idle, version: 0.1.0, condition: idle.enabled}
`,
  "app/values.yaml": "replicas: 1\nstore: {enabled: true, size: 1}\nidle: {enabled: false}\n",
  "app/production.yaml": "replicas: 2\nstore: {size: 2}\n",
  "app/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
  "app/charts/db/templates/c.yaml": config("{{ .Release.Name }}-db", "data: {size: {{ .Values.size | quote }}}\n"),
  "app/charts/idle/Chart.yaml": "apiVersion: v2\nname: idle\nversion: 0.1.0\n",
  "app/charts/idle/templates/c.yaml": config("idle"),
  "app/crds/shops.yaml": definition,
  "app/templates/_names.tpl": '{{ define "name" }}{{ .Release.Name }}-web{{ end }}\n',
  "app/templates/all.yaml": `${config('{{ include "name" . }}', "data: {count: {{ .Values.replicas | quote }}}\n")}---
${config("upgrade", "data: {a: {{ .Release.IsUpgrade | quote }}, v: {{ .Capabilities.KubeVersion.Version }}}\n")}---
{{ if .Capabilities.APIVersions.Has "example.com/v1/Shop" }}
apiVersion: example.com/v1
kind: Shop
metadata: {name: first}
{{ end }}
`,
  "app/templates/hook.yaml": config("before").replace(
    "{name: before}",
    '{name: before, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "-5"}}',
  ),
  "app/templates/tests/t.yaml": config("t").replace("{name: t}", "{name: t, annotations: {helm.sh/hook: test}}"),
};
const overlay = {
  "app/base/kustomization.yaml": "resources: [web.yaml, service.yaml]\n",
  "app/base/web.yaml": web,
  "app/base/service.yaml":
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
  "app/part/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [c.yaml]
patches: [{target: {kind: Deployment}, patch: '[{"op": "add", "path": "/spec/paused", "value": true}]'}]
`,
  "app/part/c.yaml": config("part"),
  "app/kustomization.yaml": `resources: [base, own.yaml]
components: [part]
namePrefix: my-
nameSuffix: -eu
labels: [{pairs: {team: a}, includeSelectors: true}]
commonAnnotations: {note: "yes"}
images: [{name: registry.example/web, newTag: "2"}]
replicas: [{name: web, count: 4}]
patches: [{path: limits.yaml}]
configMapGenerator: [{name: settings, files: [values.txt], literals: [on=off]}]
secretGenerator: [{name: key, literals: [k=v], options: {disableNameSuffixHash: true}}]
replacements:
- source: {kind: ConfigMap, name: own, fieldPath: data.a}
  targets: [{select: {kind: Deployment}, fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=MODE].value"]}]
`,
  "app/own.yaml": config("own"),
  "app/limits.yaml":
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, resources: {limits: {cpu: 1}}}]}}}\n",
  "app/values.txt": "a=b\n",
};
const capabilities = { kubeVersion: "1.34.2", apiVersions: ["apps/v1", "v1", "example.com/v1", "example.com/v1/Shop"] };

describe("the objects are those of the repository server", () => {
  const corpus: [string, Files, (More & Pick<RenderRequest, "capabilities">)?][] = [
    [
      "plain YAML: documents, Lists, JSON, folders, numbers and words of YAML 1.1",
      {
        "app/a.yaml": `${config("one")}---\n# nothing\n---\n${config("two", 'data: {a: "0644", b: "yes"}\n')}`,
        "app/list.yml": `apiVersion: v1\nkind: List\nitems:\n- ${config("three").replaceAll("\n", "\n  ").trim()}\n`,
        "app/below/c.json": JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "json" } }),
        "app/web.yaml": `${web.replace("replicas: 1", "replicas: 0x2")}  minReadySeconds: 010\n  paused: on\n`,
        "app/skipped.yaml": `# +argocd:skip-file-rendering\n${config("skipped")}`,
        "app/values.yaml": "no: object\n",
        "app/elsewhere.yaml": config("elsewhere").replace("{name", "{namespace: other, name"),
      },
    ],
    [
      "plain YAML: a definition and an object of its kind",
      { "app/a.yaml": `${definition}---\napiVersion: example.com/v1\nkind: Shop\nmetadata: {name: first}\n` },
    ],
    [
      "plain YAML: an object that stands more than once, of which the last counts",
      {
        "app/a.yaml": config("same", "data: {from: a}\n"),
        "app/a/b.yaml": config("same", "data: {from: folder}\n"),
        "app/c.yaml": config("same", "data: {from: c}\n").replace("{name", "{namespace: shop, name"),
      },
    ],
    ["Kustomize: bases, components, patches, generators, replacements, images, labels", overlay],
    ["Kustomize: images of the app", overlay, { images: { "registry.example/web": "3" } }],
    ["Helm: subcharts, aliases, conditions, hooks, tests, kinds, capabilities", chart, { capabilities }],
    [
      "Helm: files of values, and values of the app over them",
      chart,
      { capabilities, valuesFiles: ["production.yaml"], values: { store: { size: 3 } } },
    ],
  ];
  for (const [what, files, more] of corpus) {
    it(what, async () => {
      const { ours, theirs } = await both(files, more);
      if (theirs instanceof Error) throw theirs;
      assert.deepEqual(ours, theirs);
      assert.ok(theirs.length > 0);
    });
  }
});

/** What the preview refuses although the server says nothing of it: the API server or nobody would see it afterwards. */
const stricter = [
  "UTF-16 without its mark",
  "bytes of no encoding",
  "a duplicate key",
  "values that lie deep",
  "a file of comments",
  "a folder without manifests",
  "no object",
  "no name",
  "a name that is a number",
  "a label that is a number",
  "an annotation that is a number",
  "labels that are a list",
  "data that is a number",
  "a List, with a List in it",
  "a secret that is encrypted",
  "names in upper case",
  "a link to its own folder",
  "a pointer of LFS",
  "the app's folder as a link",
];

it("of odd repositories the preview shows the same, or refuses what the server refuses, and is stricter where it says", async () => {
  const found = await Promise.all(
    cases.map(async ({ what, files }) => {
      const { ours, theirs } = await both(files);
      if (ours instanceof Error) return theirs instanceof Error ? [] : [what];
      assert.deepEqual(ours, theirs, what);
      return [];
    }),
  );
  assert.deepEqual(found.flat(), stricter);
});
