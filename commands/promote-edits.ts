// Where do the files of an app say which version of an image it runs, and what do they say after a promotion?
import { kustomizationNames } from "../components/delivery/discover.ts";
import { type ImageReference, imageOf, versionOf } from "./promote-images.ts";
import {
  fieldOf,
  type Mapping,
  type Node,
  nodesOf,
  replaced,
  type Splice,
  spliced,
  textOf,
  withFields,
  withItem,
} from "./yaml-edit.ts";

/** A file with its text, by its path in the repository. */
export type Texts = ReadonlyMap<string, string>;

/** What a promotion makes of some files. */
export interface Edited {
  /** The files that differ, whole. */
  readonly texts: Texts;
  /** Where something differs: "apps/shop/production/kustomization.yaml:7". */
  readonly places: readonly string[];
}

/**
 * Sets an image to a version wherever files that may be written name it: references as `image: name:tag`, `images` of a
 * kustomization, `repository` with `tag` and `digest` in values of a chart.
 *
 * @param readable files that say where in its values a chart names the image, though they are not to be written
 */
export const withImage = (writable: Texts, image: ImageReference, readable: Texts = new Map()): Edited => {
  const texts = new Map<string, string>();
  const places: string[] = [];
  const repositories = [...writable.values(), ...readable.values()].flatMap((text) =>
    safely(text).flatMap((root) => repositoriesIn(root, image.name)),
  );
  for (const [path, text] of writable) {
    const roots = safely(text);
    const splices = roots.flatMap((root) => [
      ...referencesIn(root, image),
      ...(isKustomization(path) ? entriesIn(text, root, image) : []),
      ...valuesIn(text, root, image, repositories),
    ]);
    const now = spliced(text, unique(splices));
    if (now === text) continue;
    texts.set(path, now);
    for (const { start } of unique(splices)) places.push(`${path}:${text.slice(0, start).split("\n").length}`);
  }
  return { texts, places: [...new Set(places)] };
};

/** Names an image in a kustomization that did not: its version stood in a base, which others have too. */
export const withImageEntry = (path: string, text: string, image: ImageReference): Edited => {
  const fields = { name: image.name, ...fieldsOf(image) };
  const list = fieldOf(nodesOf(text)[0], "images");
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const now =
    list?.kind === "sequence" && list.items.length > 0
      ? spliced(text, withItem(text, list, fields))
      : list
        ? text
        : `${text.replace(/\n*$/, "\n")}images:\n  - ${lines.join("\n    ")}\n`;
  const line = now.slice(0, now.lastIndexOf(image.name)).split("\n").length;
  return now === text
    ? { texts: new Map(), places: [] }
    : { texts: new Map([[path, now]]), places: [`${path}:${line}`] };
};

export const isKustomization = (path: string): boolean =>
  (kustomizationNames as readonly string[]).includes(path.split("/").at(-1) ?? "");

// A template of a chart is no YAML, and names no version that could be read.
const safely = (text: string): Node[] => {
  try {
    return nodesOf(text);
  } catch {
    return [];
  }
};

const unique = (splices: readonly Splice[]): Splice[] => [
  ...new Map(splices.map((each) => [`${each.start} ${each.end} ${each.text}`, each])).values(),
];

const fieldsOf = ({ tag, digest }: ImageReference): Record<string, string> => ({
  ...(tag && { newTag: tag }),
  ...(digest && { digest }),
});

const childrenOf = (node: Node): readonly Node[] =>
  node.kind === "mapping" ? node.entries.map(({ value }) => value) : node.kind === "sequence" ? node.items : [];

const referencesIn = (node: Node, image: ImageReference): Splice[] => {
  if (node.kind !== "scalar") return childrenOf(node).flatMap((each) => referencesIn(each, image));
  const found = imageOf(node.value);
  const version = versionOf(image);
  if (!found || found.name !== image.name || !versionOf(found) || versionOf(found) === version) return [];
  return replaced(node, `${image.name}${image.tag ? `:${image.tag}` : ""}${image.digest ? `@${image.digest}` : ""}`);
};

const entriesIn = (text: string, root: Node, image: ImageReference): Splice[] => {
  const list = fieldOf(root, "images");
  if (list?.kind !== "sequence") return [];
  return list.items.flatMap((item) => {
    if (item.kind !== "mapping") return [];
    if ((textOf(fieldOf(item, "newName")) ?? textOf(fieldOf(item, "name"))) !== image.name) return [];
    return withFields(text, item, { newTag: image.tag, digest: image.digest });
  });
};

/** Where in values stands `repository: <name>`, or `registry` and `repository`: the path of the mapping around it. */
const repositoriesIn = (node: Node, name: string, path: readonly string[] = []): string[] => {
  if (node.kind !== "mapping") return [];
  const [registry, repository] = [textOf(fieldOf(node, "registry")), textOf(fieldOf(node, "repository"))];
  const here = repository !== undefined && [repository, `${registry}/${repository}`].includes(name);
  return [
    ...(here ? [path.join("\n")] : []),
    ...node.entries.flatMap(({ key, value }) => repositoriesIn(value, name, [...path, key.value])),
  ];
};

const valuesIn = (text: string, root: Node, image: ImageReference, repositories: readonly string[]): Splice[] =>
  [...new Set(repositories)].flatMap((path) => {
    const found = path
      .split("\n")
      .reduce<Node | undefined>((node, key) => (key === "" ? node : fieldOf(node, key)), root);
    if (found?.kind !== "mapping" || !speaksOfVersion(found)) return [];
    const has = (key: string) => fieldOf(found, key) !== undefined;
    // Where a chart has no field for a digest, its tag takes both, as references do.
    if (!has("digest")) return withFields(text, found, { tag: versionOf(image) });
    return withFields(text, found, { ...(has("tag") && { tag: image.tag ?? "" }), digest: image.digest ?? "" });
  });

const speaksOfVersion = (mapping: Mapping): boolean =>
  ["tag", "digest"].some((key) => fieldOf(mapping, key) !== undefined);
