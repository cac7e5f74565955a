// The version of an image changes in files as a person wrote them: comments, quotes and order stay.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withImage, withImageEntry } from "../../../commands/promote-edits.ts";
import { comparedImages, imageOf, moves } from "../../../commands/promote-images.ts";

const digest = `sha256:${"a".repeat(64)}`;
const name = "ghcr.io/acme/shop";
const edited = (text: string, image: { tag?: string; digest?: string }, path = "web.yaml") =>
  withImage(new Map([[path, text]]), { name, ...image }).texts.get(path) ?? text;

test("every place of one image, in every document, with comments and quotes kept", () => {
  const text = `# a\na: ${name}:1.0.0 # b\n---\nb: [{image: "${name}:1.0.0"}, {image: ${name}-other:1.0.0}]\n`;
  assert.equal(
    edited(text, { tag: "1.1.0" }),
    `# a\na: ${name}:1.1.0 # b\n---\nb: [{image: "${name}:1.1.0"}, {image: ${name}-other:1.0.0}]\n`,
  );
  assert.deepEqual(withImage(new Map([["w.yaml", text]]), { name, tag: "1.1.0" }).places, ["w.yaml:2", "w.yaml:4"]);
});

test("images of a kustomization: tag, digest, and from one to the other", () => {
  const of = (fields: string) => `images:\n  # c\n  - name: shop\n    newName: ${name}\n    ${fields} # d\nx: y\n`;
  const now = (fields: string, image: { tag?: string; digest?: string }) =>
    edited(of(fields), image, "kustomization.yaml");
  assert.equal(now("newTag: 1.0.0", { tag: "1.10" }), of('newTag: "1.10"'));
  assert.equal(now("newTag: 1.0.0", { digest }), of(`digest: ${digest}`));
  assert.equal(now(`digest: ${digest}`, { tag: "1.1.0" }), of("newTag: 1.1.0"));
  assert.equal(
    now("newTag: 1.0.0", { tag: "1.1.0", digest }),
    of(`newTag: 1.1.0 # d\n    digest: ${digest}`).replace(/ # d\nx/, "\nx"),
  );
});

test("a kustomization that named no image names it", () => {
  const image = { name, tag: "1.1.0" };
  const one = (text: string) => withImageEntry("kustomization.yaml", text, image).texts.get("kustomization.yaml");
  assert.equal(
    one("resources: [../base]\n"),
    `resources: [../base]\nimages:\n  - name: "${name}"\n    newTag: "1.1.0"\n`,
  );
  assert.equal(
    one("images:\n- name: a # e\n  newTag: b\nx: y\n"),
    `images:\n- name: a # e\n  newTag: b\n- name: ${name}\n  newTag: 1.1.0\nx: y\n`,
  );
});

test("values of a chart, also where another file names the repository", () => {
  const values = `web:\n  image:\n    registry: ghcr.io\n    repository: acme/shop\n    tag: "1.0.0" # f\n`;
  assert.equal(edited(values, { tag: "1.1.0" }, "values.yaml"), values.replace("1.0.0", "1.1.0"));
  const file = "web:\n  image:\n    tag:\n";
  const { texts } = withImage(
    new Map([["production.yaml", file]]),
    { name, tag: "1.1.0" },
    new Map([["values.yaml", values]]),
  );
  assert.equal(texts.get("production.yaml"), "web:\n  image:\n    tag: 1.1.0\n");
});

test("images are compared by name; what only one has is told, and what moves is known", () => {
  const found = comparedImages(
    new Map([
      ["a", new Set(["2"])],
      ["b", new Set(["1"])],
      ["c", new Set(["1", "2"])],
    ]),
    new Map([
      ["a", new Set(["1"])],
      ["c", new Set(["1"])],
      ["d", new Set(["1"])],
    ]),
  );
  assert.deepEqual(found.promotions, [{ what: "image", name: "a", before: ["1"], after: "2" }]);
  assert.deepEqual(found.only, { from: ["b"], to: ["d"] });
  assert.deepEqual(found.several, [{ name: "c", versions: ["1", "2"] }]);
  assert.deepEqual(imageOf(`localhost:5000/x/y:1@${digest}`), { name: "localhost:5000/x/y", tag: "1", digest });
  assert.deepEqual([{ tag: "latest" }, {}, { tag: "1.2" }, { digest }].map(moves), [true, true, false, false]);
});
