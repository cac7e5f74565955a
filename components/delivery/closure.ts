// Which files of a commit does an app consist of, and may an agent have them?
import { posix } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { folderOf, kustomizationNames, pathIn } from "./discover.ts";
import { isKustomization, kustomizationProblem, namesIn } from "./kustomization.ts";
import { ManifestError, readDocuments } from "./manifests.ts";
import { remoteChart, remoteTarget, shownPath } from "./remote-files.ts";
import { isRemote } from "./remote-url.ts";
import { lockedRemotes, type Remotes } from "./remotes.ts";
import { type Entry, type Snapshot, SourceError } from "./repository.ts";
import type { RenderingAgent } from "./seen.ts";

/** A file that an app consists of. */
export interface Part extends Entry {
  /** What is in it, where it was fetched from elsewhere. */
  readonly bytes?: Buffer;
  /** What a kustomization names of elsewhere, and the path within the closure at which that lies. */
  readonly remotes?: ReadonlyMap<string, string>;
}

/** The files of an app, by path. */
export type Closure = ReadonlyMap<string, Part>;

/** What a closure is followed with. */
export interface Following {
  /** Where what lies elsewhere comes from. Default: what the lock file says. */
  readonly remotes?: Remotes;
  /** Whose files count. Default: those of Flux. */
  readonly agent?: RenderingAgent;
  /** Bases of elsewhere that lead here, so that a circle is seen. Default: none. */
  readonly outer?: readonly string[];
}

/** Thrown with repository, commit, file and line of what keeps an app from being rendered. */
export class RenderError extends Error {
  override readonly name = "RenderError";
  /** File within the repository, where one is to blame. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number | undefined;

  constructor({ url, commit }: Snapshot, reason: string, file?: string, line?: number) {
    const shown = file && shownPath(file);
    const place = shown ? `${shown}${line ? `:${line}` : ""}: ` : "";
    super(`${url} at commit ${commit.slice(0, 12)}: ${place}${reason}`);
    this.file = shown;
    this.line = line;
  }
}

/** Files below a folder. */
export const filesBelow = ({ entries }: Snapshot, folder: string): Entry[] =>
  [...entries.values()].filter(({ path }) => path.startsWith(folder && `${folder}/`));

/** The bytes of files, read once for each commit. */
export const contentsOf = async (snapshot: Snapshot, wanted: readonly Part[]): Promise<Map<string, Buffer>> => {
  const known = contents.get(snapshot) ?? new Map<string, Buffer>();
  contents.set(snapshot, known);
  const missing = wanted.filter(({ path, bytes }) => !bytes && !known.has(path));
  for (const [path, bytes] of await snapshot.read(missing)) known.set(path, bytes);
  return new Map(wanted.map(({ path, bytes }) => [path, bytes ?? known.get(path) ?? Buffer.alloc(0)]));
};

const contents = new WeakMap<Snapshot, Map<string, Buffer>>();

/**
 * The files that an app is rendered from: of a chart all of its folder, of plain YAML the manifests below it, and of a
 * kustomization what it names, wherever that lies. What lies in another repository is below `.plumbline-remote/`.
 *
 * @throws RenderError when a file names one that is not there, or elsewhere
 */
export const closureOf = async (
  snapshot: Snapshot,
  path: string,
  kind: AppKind,
  { remotes = lockedRemotes(), agent = "flux", outer = [] }: Following = {},
): Promise<Closure> => {
  const following = { remotes, agent, outer };
  const folder = folderOf(path);
  const own = filesBelow(snapshot, folder);
  if (own.length === 0) throw missing(snapshot, folder);
  const inside = (entries: readonly Part[]) => new Map(entries.map((entry) => [entry.path, entry]));
  if (kind === AppKind.Helm) {
    const closure = inside(own);
    await addDependencies(snapshot, folder, closure, following);
    return closure;
  }
  const file = kustomizationIn(snapshot, folder);
  if (file) {
    const closure = inside([file]);
    await addNamed(snapshot, closure, following);
    return closure;
  }
  if (kind === AppKind.Kustomize) {
    const reason = `there is no ${kustomizationNames.join(" or ")} in ${folder || "it"}: commit one, or leave out kind`;
    throw new RenderError(snapshot, reason);
  }
  const nested = nestedKustomizations(snapshot, folder);
  const closure = inside(own.filter((each) => isManifest(each, agent) && !isWithin(each.path, nested)));
  for (const each of nested) {
    const found = kustomizationIn(snapshot, each);
    if (found) closure.set(found.path, found);
  }
  await addNamed(snapshot, closure, following);
  return closure;
};

// A link without the ending of some other file may be a folder of manifests.
const isManifest = ({ type, path }: Entry, agent: RenderingAgent): boolean =>
  type === "submodule" ||
  isYaml(path) ||
  (agent === "argo-cd" && /\.(json|jsonnet)$/.test(path)) ||
  (type === "link" && !posix.extname(path));

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

/** Charts beside this one, which its Chart.yaml names by `file://`, and those of repositories of charts, as they are locked. */
const addDependencies = async (
  snapshot: Snapshot,
  folder: string,
  closure: Map<string, Part>,
  following: Required<Following>,
  outer: readonly string[] = [],
): Promise<void> => {
  for (const dependency of await dependenciesOf(snapshot, folder)) {
    const { name, repository, line } = dependency;
    const place = pathIn(folder, `charts/${name}`);
    const there = [...closure.keys()].some((each) => each.startsWith(`${place}/`) || each.startsWith(`${place}-`));
    if (there) continue;
    const file = pathIn(folder, "Chart.yaml");
    const wayOut = "run `helm dependency build` and commit charts/";
    // Agents fetch what the chart of the app depends on, and no more.
    if (/^(https?|oci):/.test(repository) && outer.length === 0) {
      const archive = await remoteChart(snapshot, { ...dependency, folder, file }, following);
      closure.set(archive.path, archive);
      continue;
    }
    if (!repository.startsWith("file://")) {
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
    await addDependencies(snapshot, beside, closure, following, within);
  }
};

/** What a Chart.yaml depends on, in the version that its Chart.lock has settled, where it has one. */
export const dependenciesOf = async (
  snapshot: Snapshot,
  folder: string,
): Promise<{ readonly name: string; readonly repository: string; readonly asked: string; readonly line: number }[]> => {
  const file = pathIn(folder, "Chart.yaml");
  const { value, text } = await documentOf(snapshot, file);
  const settled = list((await documentOf(snapshot, pathIn(folder, "Chart.lock"))).value);
  return list(value).map(({ name, repository, version }) => ({
    name: String(name),
    repository: String(repository ?? ""),
    asked: String(settled.find((each) => each.name === name)?.version ?? version ?? ""),
    line: lineOf(text, String(name)),
  }));
};

// What is no dependency Helm itself refuses.
const list = (value: unknown): Record<string, unknown>[] => {
  const { dependencies } = value as { dependencies?: unknown };
  return (Array.isArray(dependencies) ? dependencies : []).filter((each) => each?.name);
};

/** The one document of a file, and its text. @throws RenderError where it is none */
export const documentOf = async (
  snapshot: Snapshot,
  file: string,
  entry: Part | undefined = snapshot.entries.get(file),
): Promise<{ readonly value: unknown; readonly text: string }> => {
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

/** Follows what the kustomizations of a folder name, from folder to folder. */
const addNamed = async (
  snapshot: Snapshot,
  closure: Map<string, Part>,
  following: Required<Following>,
): Promise<void> => {
  const followed = new Set<string>();
  const waiting = [...closure.keys()].filter(isKustomization);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (followed.has(file)) continue;
    followed.add(file);
    const home = posix.dirname(file) === "." ? "" : posix.dirname(file);
    const { value, text } = await documentOf(snapshot, file);
    const problem = kustomizationProblem(value);
    if (problem) throw new RenderError(snapshot, problem.reason, file, lineOf(text, problem.word));
    const elsewhere = new Map<string, string>();
    for (const { path: word } of namesIn(value)) {
      const line = lineOf(text, word);
      const refused = (reason: string) => new RenderError(snapshot, reason, file, line);
      if (isRemote(word)) {
        const { path, parts } = await remoteTarget(snapshot, { word, file, line }, following);
        for (const part of parts) closure.set(part.path, part);
        elsewhere.set(word, path);
        continue;
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
    const part = closure.get(file);
    if (part && elsewhere.size > 0) closure.set(file, { ...part, remotes: elsewhere });
  }
};

/** Files that kustomizations take as they are: they need be no YAML. */
export const dataOf = async (snapshot: Snapshot, closure: Closure): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  for (const [file, part] of [...closure].filter(([path]) => isKustomization(path))) {
    const { value } = await documentOf(snapshot, file, part);
    for (const { path, data } of namesIn(value))
      if (data) found.add(part.remotes?.get(path) ?? posix.join(posix.dirname(file), path));
  }
  return found;
};
