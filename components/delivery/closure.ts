// Which files of a commit does an app consist of, and may an agent have them?
import { posix } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { folderOf, kustomizationNames, pathIn } from "./discover.ts";
import { isKustomization, kustomizationProblem, namesIn } from "./kustomization.ts";
import { ManifestError, readDocuments } from "./manifests.ts";
import { type Entry, type Snapshot, SourceError } from "./repository.ts";

/** The files of an app, by path. */
export type Closure = ReadonlyMap<string, Entry>;

/** Thrown with repository, commit, file and line of what keeps an app from being rendered. */
export class RenderError extends Error {
  override readonly name = "RenderError";
  /** File within the repository, where one is to blame. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number | undefined;

  constructor({ url, commit }: Snapshot, reason: string, file?: string, line?: number) {
    const place = file ? `${file}${line ? `:${line}` : ""}: ` : "";
    super(`${url} at commit ${commit.slice(0, 12)}: ${place}${reason}`);
    this.file = file;
    this.line = line;
  }
}

/** Files below a folder. */
export const filesBelow = ({ entries }: Snapshot, folder: string): Entry[] =>
  [...entries.values()].filter(({ path }) => path.startsWith(folder && `${folder}/`));

/** The bytes of files, read once for each commit. */
export const contentsOf = async (snapshot: Snapshot, wanted: readonly Entry[]): Promise<Map<string, Buffer>> => {
  const known = contents.get(snapshot) ?? new Map<string, Buffer>();
  contents.set(snapshot, known);
  const missing = wanted.filter(({ path }) => !known.has(path));
  for (const [path, bytes] of await snapshot.read(missing)) known.set(path, bytes);
  return new Map(wanted.map(({ path }) => [path, known.get(path) ?? Buffer.alloc(0)]));
};

const contents = new WeakMap<Snapshot, Map<string, Buffer>>();

/**
 * The files that an app is rendered from: of a chart all of its folder, of plain YAML the manifests below it, and of a
 * kustomization what it names, wherever that lies.
 *
 * @throws RenderError when a file names one that is not there, or elsewhere
 */
export const closureOf = async (snapshot: Snapshot, path: string, kind: AppKind): Promise<Closure> => {
  const folder = folderOf(path);
  const own = filesBelow(snapshot, folder);
  if (own.length === 0) throw missing(snapshot, folder);
  const inside = (entries: readonly Entry[]) => new Map(entries.map((entry) => [entry.path, entry]));
  if (kind === AppKind.Helm) {
    const closure = inside(own);
    await addDependencies(snapshot, folder, closure);
    return closure;
  }
  const file = kustomizationIn(snapshot, folder);
  if (file) {
    const closure = inside([file]);
    await addNamed(snapshot, closure);
    return closure;
  }
  if (kind === AppKind.Kustomize) {
    const reason = `there is no ${kustomizationNames.join(" or ")} in ${folder || "it"}: commit one, or leave out kind`;
    throw new RenderError(snapshot, reason);
  }
  const nested = nestedKustomizations(snapshot, folder);
  const closure = inside(own.filter((each) => isManifest(each) && !isWithin(each.path, nested)));
  for (const each of nested) {
    const found = kustomizationIn(snapshot, each);
    if (found) closure.set(found.path, found);
  }
  await addNamed(snapshot, closure);
  return closure;
};

// A link without the ending of some other file may be a folder of manifests.
const isManifest = ({ type, path }: Entry): boolean =>
  type === "submodule" || isYaml(path) || (type === "link" && !posix.extname(path));

/** Whether Kustomize and plain YAML take a file of this name for manifests. The agents, too, tell upper case apart. */
export const isYaml = (path: string): boolean => /\.ya?ml$/.test(path);

/** The kustomization of a folder. */
const kustomizationIn = ({ entries }: Snapshot, folder: string): Entry | undefined =>
  kustomizationNames.flatMap((name) => entries.get(pathIn(folder, name)) ?? [])[0];

/** Folders below one that have a kustomization of their own and lie in no other such folder. */
export const nestedKustomizations = (snapshot: Snapshot, folder: string): string[] => {
  const found = filesBelow(snapshot, folder)
    .filter(({ path }) => isKustomization(path))
    .map(({ path }) => posix.dirname(path))
    .filter((each) => each !== (folder || "."));
  return [...new Set(found)].filter((each) => !isWithin(each, found));
};

/** Whether a path lies in one of some folders. */
export const isWithin = (path: string, folders: readonly string[]): boolean =>
  folders.some((each) => path.startsWith(`${each}/`));

/** Why there is nothing in a folder. */
export const missing = (snapshot: Snapshot, folder: string): Error => {
  // The folder itself, or one that it lies in, may be something that Git knows and an agent does not follow.
  const steps = folder.split("/");
  const parents = steps.map((_, depth) => steps.slice(0, depth + 1).join("/"));
  const [entry] = parents.flatMap((path) => snapshot.entries.get(path) ?? []);
  if (entry?.type === "submodule")
    return new RenderError(
      snapshot,
      "is a submodule, which agents don't fetch: put its files in its place",
      entry.path,
    );
  if (entry?.type === "link")
    return new RenderError(
      snapshot,
      "is a symbolic link, and the path of an app is a folder: put one in its place",
      entry.path,
    );
  return new SourceError(
    `${snapshot.url} has no folder ${folder} at commit ${snapshot.commit.slice(0, 12)}: push it, or correct source.path`,
  );
};

/** Charts beside this one, which its Chart.yaml names by `file://`; anything further away has to lie in `charts/`. */
const addDependencies = async (
  snapshot: Snapshot,
  folder: string,
  closure: Map<string, Entry>,
  outer: readonly string[] = [],
): Promise<void> => {
  for (const { name, repository, line } of await dependenciesOf(snapshot, folder)) {
    const place = pathIn(folder, `charts/${name}`);
    const there = [...closure.keys()].some((each) => each.startsWith(`${place}/`) || each.startsWith(`${place}-`));
    if (there) continue;
    const file = pathIn(folder, "Chart.yaml");
    if (!repository.startsWith("file://")) {
      const wayOut = "run `helm dependency build` and commit charts/";
      throw new RenderError(snapshot, `the dependency ${name} is not in charts/: ${wayOut}`, file, line);
    }
    const beside = posix.normalize(posix.join(folder, repository.slice("file://".length)));
    if (!snapshot.entries.has(pathIn(beside === "." ? "" : beside, "Chart.yaml"))) {
      const wayOut = "commit it, or correct its repository";
      throw new RenderError(snapshot, `the dependency ${name} is not at ${beside}: ${wayOut}`, file, line);
    }
    const within = [...outer, folder];
    if (within.some((each) => each === beside || each.startsWith(`${beside}/`) || beside === ".")) {
      const reason = `the dependency ${name} leads back to ${beside}: a chart can't depend on itself`;
      throw new RenderError(snapshot, reason, file, line);
    }
    for (const entry of filesBelow(snapshot, beside)) closure.set(entry.path, entry);
    await addDependencies(snapshot, beside, closure, within);
  }
};

/** What a Chart.yaml depends on. */
export const dependenciesOf = async (
  snapshot: Snapshot,
  folder: string,
): Promise<{ readonly name: string; readonly repository: string; readonly line: number }[]> => {
  const file = pathIn(folder, "Chart.yaml");
  const { value, text } = await documentOf(snapshot, file);
  const { dependencies } = value as { dependencies?: unknown };
  // What is no dependency Helm itself refuses.
  const named = (Array.isArray(dependencies) ? dependencies : []).filter((each) => each?.name);
  return named.map(({ name, repository }) => ({
    name: String(name),
    repository: String(repository ?? ""),
    line: lineOf(text, String(name)),
  }));
};

/** The one document of a file, and its text. @throws RenderError where it is none */
export const documentOf = async (
  snapshot: Snapshot,
  file: string,
): Promise<{ readonly value: unknown; readonly text: string }> => {
  const entry = snapshot.entries.get(file);
  const bytes = (entry && (await contentsOf(snapshot, [entry])).get(file)) ?? Buffer.alloc(0);
  try {
    return { value: readDocuments(bytes, file)[0]?.value ?? {}, text: bytes.toString() };
  } catch (error) {
    throw inRepository(snapshot, error);
  }
};

/** An error of a manifest, with the repository and commit that it is of. */
export const inRepository = (snapshot: Snapshot, error: unknown): unknown =>
  error instanceof ManifestError
    ? new RenderError(snapshot, error.message.replace(/^.*?:\d+:\d+: /s, ""), error.file, error.line)
    : error;

/** First line of a text on which a word stands, from 1. */
export const lineOf = (text: string, word: string): number => {
  const at = text.indexOf(word);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
};

const remote = /^(https?|ssh|git|oci|file):|^git@|^git::|\?ref=|^github\.com[/:]/;

/** Follows what the kustomizations of a folder name, from folder to folder. */
const addNamed = async (snapshot: Snapshot, closure: Map<string, Entry>): Promise<void> => {
  const followed = new Set<string>();
  const waiting = [...closure.keys()].filter(isKustomization);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (followed.has(file)) continue;
    followed.add(file);
    const home = posix.dirname(file) === "." ? "" : posix.dirname(file);
    const { value, text } = await documentOf(snapshot, file);
    const problem = kustomizationProblem(value);
    if (problem) throw new RenderError(snapshot, problem.reason, file, lineOf(text, problem.word));
    for (const { path: word } of namesIn(value)) {
      const line = lineOf(text, word);
      const refused = (reason: string) => new RenderError(snapshot, reason, file, line);
      if (remote.test(word)) {
        throw refused(`names ${word}, and nothing is fetched from elsewhere: commit what it holds, and name that`);
      }
      const target = posix.normalize(posix.join(home, word)).replace(/\/$/, "");
      if (posix.isAbsolute(word) || target === ".." || target.startsWith("../")) {
        throw refused(`names ${word}, which is outside of the repository: name what lies within it`);
      }
      const folder = target === "." ? "" : target;
      const found = snapshot.entries.get(target) ?? kustomizationIn(snapshot, folder);
      if (found) {
        closure.set(found.path, found);
        if (isKustomization(found.path)) waiting.push(found.path);
      } else if (filesBelow(snapshot, folder).length > 0) {
        throw refused(`names ${word}, a folder without ${kustomizationNames[0]}: commit one, or name its files`);
      } else throw refused(`names ${word}, which is not there: commit it, or correct the name`);
    }
  }
};

/** Files that kustomizations take as they are: they need be no YAML. */
export const dataOf = async (snapshot: Snapshot, closure: Closure): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  for (const file of [...closure.keys()].filter(isKustomization)) {
    const { value } = await documentOf(snapshot, file);
    for (const { path, data } of namesIn(value)) if (data) found.add(posix.join(posix.dirname(file), path));
  }
  return found;
};
