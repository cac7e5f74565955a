// Repositories that are somehow odd or broken, and what the rendering of each agent says of them.
import type { Files } from "../../repositories.ts";

const config = (name: string, rest = "data: {a: b}\n") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${rest}`;
const utf16 = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le");
const resources = (...names: string[]) => `resources: ${JSON.stringify(names)}\n`;
const bomb = Array.from({ length: 30 }, (_, n) => `  a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join("");
const many = (count: number) => Array.from({ length: count }, (_, n) => config(`c${n}`));

/** What each agent's rendering says of a case: objects, or where what is wrong stands and what it is. */
export interface Case {
  readonly what: string;
  readonly files: Files;
  readonly flux: RegExp | readonly string[];
  /** Default: as with Flux. */
  readonly argoCd?: RegExp | readonly string[];
}

const one = ["ConfigMap shop/a app/a.yaml:1"];
export const cases: readonly Case[] = [
  { what: "a byte order mark", files: { "app/a.yaml": `\uFEFF${config("a")}` }, flux: one },
  {
    what: "UTF-16",
    files: { "app/a.yaml": utf16(config("a")) },
    flux: one,
  },
  {
    what: "UTF-16 without its mark",
    files: { "app/a.yaml": utf16(config("a")).subarray(2) },
    flux: /^app\/a\.yaml:1: /,
  },
  { what: "Windows' ends of lines", files: { "app/a.yaml": config("a").replaceAll("\n", "\r\n") }, flux: one },
  {
    what: "bytes of no encoding",
    files: { "app/a.yaml": Buffer.concat([Buffer.from(config("a", "# ")), Buffer.from([0xe9, 0x0a])]) },
    flux: /^app\/a\.yaml:4: is not UTF-8 text: save it as UTF-8/,
  },
  { what: "a tab", files: { "app/a.yaml": `${config("a", "data:\n")}\ta: b\n` }, flux: /^app\/a\.yaml:5: .*tab/ },
  {
    what: "a duplicate key",
    files: { "app/a.yaml": config("a", "data: {a: b, a: c}\n") },
    flux: /^app\/a\.yaml:4: duplicated/,
  },
  {
    what: "one object in two files",
    files: { "app/a.yaml": config("a"), "app/b.yaml": `\n${config("a")}` },
    flux: /^app\/b\.yaml:2: ConfigMap a is also in app\/a\.yaml:1/,
    argoCd: ["ConfigMap shop/a app/b.yaml:2"],
  },
  {
    what: "one object in two files of a kustomization",
    files: {
      "app/kustomization.yaml": resources("a.yaml", "b.yaml"),
      "app/a.yaml": config("a"),
      "app/b.yaml": `\n${config("a")}`,
    },
    flux: /^app\/b\.yaml:2: .*already registered id/,
  },
  {
    what: "aliases without end",
    files: { "app/a.yaml": config("a", `data:\n  a0: &a0 [x, x]\n${bomb}`) },
    flux: /^app\/a\.yaml:1: has aliases that expand/,
  },
  {
    what: "an alias of itself",
    files: { "app/a.yaml": config("a", "data: &d {a: *d}\n") },
    flux: /^app\/a\.yaml:\d: /,
  },
  {
    what: "values that lie deep",
    files: { "app/a.yaml": `${"[".repeat(100_000)}` },
    flux: /^app\/a\.yaml:1: .*maxDepth/,
  },
  {
    what: "ten megabytes in one line",
    files: { "app/a.yaml": config("a", `data: {a: "${"x".repeat(10_000_000)}"}\n`) },
    flux: /^app\/a\.yaml:1: ConfigMap a has 10000000 bytes of data, and 1048576 are the most: divide it/,
    argoCd:
      /^app\/a\.yaml: is the largest of 1 manifests with 100000\d\d bytes, and 10000000 are the most that Argo CD/,
  },
  {
    what: "seventeen megabytes",
    files: { "app/a.yaml": `# ${"x".repeat(17_000_000)}\n${config("a")}` },
    flux: /^app\/a\.yaml: has 170\d+ bytes.*divide it/,
  },
  {
    what: "a file of comments",
    files: { "app/a.yaml": "# nothing\n" },
    flux: /there are no manifests in app, and Flux would remove/,
    argoCd: /there are no manifests in app, and Argo CD would/,
  },
  { what: "a folder without manifests", files: { "app/README.md": "x" }, flux: /there are no manifests in app/ },
  {
    what: "comments beside an object",
    files: { "app/a.yaml": config("a"), "app/b.yaml": "# nothing\n---\n" },
    flux: one,
  },
  {
    what: "no object",
    files: { "app/a.yaml": "a: b\n" },
    flux: /^app\/a\.yaml:1: has no apiVersion/,
    argoCd: /there are no manifests in app/,
  },
  {
    what: "no name",
    files: { "app/a.yaml": config("a").replace("name: a", "labels: {}") },
    flux: /^app\/a\.yaml:1: ConfigMap has no metadata.name/,
  },
  { what: "a name that is a number", files: { "app/a.yaml": config("1") }, flux: /^app\/a\.yaml.*"?1"?/ },
  {
    what: "a label that is a number",
    files: { "app/a.yaml": config("a").replace("{name: a}", "{name: a, labels: {tier: 1}}") },
    flux: /^app\/a\.yaml:1: ConfigMap a has 1, a number, as metadata\.labels\.tier/,
  },
  {
    what: "an annotation that is a number",
    files: { "app/a.yaml": config("a").replace("{name: a}", "{name: a, annotations: {port: 80}}") },
    flux: /^app\/a\.yaml:1: ConfigMap a has 80, a number, as metadata\.annotations\.port/,
  },
  {
    what: "labels that are a list",
    files: { "app/a.yaml": config("a").replace("{name: a}", "{name: a, labels: [a]}") },
    flux: /^app\/a\.yaml(:1)?: /,
  },
  {
    what: "data that is a number",
    files: { "app/a.yaml": config("a", "data: {port: 80}\n") },
    flux: /^app\/a\.yaml:1: ConfigMap a has 80, a number, as data\.port/,
  },
  {
    what: "a List, with a List in it",
    files: {
      "app/a.yaml": JSON.stringify({
        apiVersion: "v1",
        kind: "List",
        items: [
          {
            apiVersion: "v1",
            kind: "ConfigMapList",
            items: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }],
          },
        ],
      }),
    },
    flux: one,
    argoCd: /^app\/a\.yaml:1: is a List with a List in it, which Argo CD does not take apart/,
  },
  {
    what: "one bad object among fifty",
    files: {
      "app/a.yaml": [...many(25), config("bad").replace("kind: ConfigMap\n", ""), ...many(50).slice(25)].join("---\n"),
    },
    flux: /^app\/a\.yaml:126: has no kind/,
  },
  {
    what: "a secret that is encrypted",
    files: {
      "app/a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: ENC}\nsops: {mac: ENC}\n",
    },
    flux: /^app\/a\.yaml:1: Secret a is encrypted by SOPS/,
  },
  {
    what: "the rules of SOPS",
    files: { "app/a.yaml": config("a"), "app/.sops.yaml": "creation_rules: []\n" },
    flux: one,
  },
  {
    what: "names in upper case",
    files: { "app/a.yaml": config("a"), "app/b.YAML": config("b"), "app/c.json": "{}" },
    flux: one,
    argoCd: /^app\/c\.json:1: has no apiVersion/,
  },
  {
    what: "JSON",
    files: {
      "app/Kustomization": resources("a.json"),
      "app/a.json": JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } }),
    },
    flux: ["ConfigMap shop/a app/a.json:1"],
  },
  {
    what: "kustomization.yml",
    files: { "app/kustomization.yml": resources("a.yaml"), "app/a.yaml": config("a"), "app/b.yaml": "not: [named" },
    flux: one,
  },
  {
    what: "a field that no kustomization has",
    files: { "app/kustomization.yaml": `${resources("a.yaml")}resource: [b.yaml]\n`, "app/a.yaml": config("a") },
    flux: /^app\/kustomization\.yaml:\d: resource is no field of a kustomization/,
  },
  {
    what: "a field of a field that none has",
    files: { "app/kustomization.yaml": `${resources("a.yaml")}images:\n- {nam: x}\n`, "app/a.yaml": config("a") },
    flux: /^app\/kustomization\.yaml:3: .*unknown field "nam"/,
  },
  {
    what: "a kustomization that is text",
    files: { "app/kustomization.yaml": "resources\n" },
    flux: /^app\/kustomization\.yaml:1: is no kustomization/,
  },
  {
    what: "resources that are no list",
    files: { "app/kustomization.yaml": "resources: a.yaml\n" },
    flux: /^app\/kustomization\.yaml:1: resources is no list/,
  },
  {
    what: "a folder without its kustomization",
    files: { "app/kustomization.yaml": resources("../base"), "base/a.yaml": config("a") },
    flux: /^app\/kustomization\.yaml:1: names \.\.\/base, a folder without kustomization\.yaml/,
  },
  {
    what: "a way out of the repository",
    files: { "app/kustomization.yaml": resources("../../../etc") },
    flux: /^app\/kustomization\.yaml:1: names .*outside of the repository/,
  },
  {
    what: "a remote base",
    files: { "app/kustomization.yaml": resources("https://github.com/x/y?ref=v1") },
    flux: /^app\/kustomization\.yaml:1: names .*nothing is fetched from elsewhere/,
  },
  {
    what: "a file of another folder",
    files: { "app/kustomization.yaml": resources("../base/a.yaml"), "base/a.yaml": config("a") },
    flux: ["ConfigMap shop/a base/a.yaml:1"],
    argoCd: /^base\/a\.yaml: .*security/,
  },
  {
    what: "data that is no YAML",
    files: {
      "app/kustomization.yaml":
        "configMapGenerator: [{name: a, files: [a.yaml], options: {disableNameSuffixHash: true}}]\n",
      "app/a.yaml": "{{ of a template }}: [\n",
    },
    flux: ["ConfigMap shop/a app/kustomization.yaml"],
  },
  {
    what: "a link out of the repository",
    files: { "app/a.yaml": config("a"), "app/b.yaml": { link: "/etc/passwd" } },
    flux: /^app\/b\.yaml: is a symbolic link out of the repository, to \/etc\/passwd: put a file/,
  },
  {
    what: "such a link in another folder",
    files: { "app/a.yaml": config("a"), b: { link: "../../x" } },
    flux: one,
    argoCd: /^b: is a symbolic link out of the repository/,
  },
  {
    what: "links in a circle",
    files: { "app/a.yaml": { link: "b.yaml" }, "app/b.yaml": { link: "a.yaml" } },
    flux: /^app\/[ab]\.yaml: is a symbolic link in a circle/,
  },
  {
    what: "a link to its own folder",
    files: { "app/a.yaml": config("a"), "app/loop": { link: "." } },
    flux: /^app\/loop: is a symbolic link in a circle/,
  },
  {
    what: "a link to a file",
    files: { "app/a.yaml": { link: "../a.yaml" }, "a.yaml": config("a") },
    flux: /^app\/a\.yaml: is a symbolic link, to \.\.\/a\.yaml, and Flux fetches none/,
    argoCd: one,
  },
  {
    what: "a pointer of LFS",
    files: { "app/a.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n" },
    flux: /^app\/a\.yaml: is a pointer of Git LFS.*commit the file/,
  },
  {
    what: "the app's folder as a link",
    files: { app: { link: "other" }, "other/a.yaml": config("a") },
    flux: /^app: is a symbolic link, and the path of an app is a folder/,
  },
  {
    what: "what Flux is told to leave out",
    files: { "app/a.yaml": config("a"), "app/b.yaml": config("b"), ".sourceignore": "b.yaml\n" },
    flux: one,
    argoCd: [...one, "ConfigMap shop/b app/b.yaml:1"],
  },
];
