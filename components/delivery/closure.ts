// Which files of a commit does an app consist of, and may an agent have them?
import { posix } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { folderOf, kustomizationNames, pathIn } from "./discover.ts";
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

/** Bytes that one file may have: more than the largest definition of a kind, less than what stops a reader. */
const maxBytes = 16 * 1024 * 1024;

/** What Flux leaves out of every repository, as it is not for the cluster. */
const left =
  /(^|\/)(\.git|\.github|\.circleci)(\/|$)|(^|\/)(\.travis|\.gitlab-ci|\.drone|\.goreleaser|\.sops|\.flux)\.ya?ml$/;

/** Files below a folder that agents see. */
export const filesBelow = ({ entries }: Snapshot, folder: string): Entry[] =>
  [...entries.values()].filter(({ path }) => path.startsWith(folder && `${folder}/`) && !left.test(path));

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
 * The files that an app is rendered from: those of its folder, and for Kustomize what they name elsewhere.
 *
 * @throws RenderError when a file names one that is not there, or elsewhere
 */
export const closureOf = async (snapshot: Snapshot, path: string, kind: AppKind): Promise<Closure> => {
  const folder = folderOf(path);
  const own = filesBelow(snapshot, folder);
  if (own.length === 0)
    throw new SourceError(`${snapshot.url} has no folder ${folder} at commit ${snapshot.commit.slice(0, 12)}`);
  const closure = new Map(own.map((entry) => [entry.path, entry]));
  if (kind === AppKind.Helm) await addDependencies(snapshot, folder, closure);
  else await addNamed(snapshot, closure);
  return closure;
};

/** @throws RenderError where a file of an app is none that an agent fetches */
export const refuseUnfetched = async (snapshot: Snapshot, closure: Closure): Promise<void> => {
  for (const { type, path, size } of closure.values()) {
    if (type === "submodule") {
      throw new RenderError(snapshot, "is a submodule, which agents don't fetch: put its files in its place", path);
    }
    if (size > maxBytes) {
      throw new RenderError(snapshot, `has ${size} bytes, and ${maxBytes} are the most that is read: divide it`, path);
    }
  }
  await refuseContents(snapshot, closure);
};

const pointer = "version https://git-lfs.github.com/spec/";

const refuseContents = async (snapshot: Snapshot, closure: Closure): Promise<void> => {
  for (const [path, bytes] of await contentsOf(snapshot, [...closure.values()])) {
    if (closure.get(path)?.type === "link") {
      throw new RenderError(snapshot, linkProblem(snapshot, path, bytes.toString()), path);
    }
    if (bytes.subarray(0, pointer.length).toString() === pointer) {
      throw new RenderError(
        snapshot,
        "is a pointer of Git LFS, whose content agents don't fetch: commit the file",
        path,
      );
    }
  }
};

const linkProblem = ({ entries }: Snapshot, path: string, target: string): string => {
  const resolved = posix.normalize(posix.join(posix.dirname(path), target));
  if (posix.isAbsolute(target) || resolved === ".." || resolved.startsWith("../")) {
    return `is a symbolic link out of the repository, to ${target}: put a file in its place`;
  }
  const circle = resolved === path || path.startsWith(`${resolved}/`) || entries.get(resolved)?.type === "link";
  return circle
    ? `is a symbolic link in a circle or to another one, ${target}: put a file in its place`
    : `is a symbolic link, to ${target}, and Flux fetches none: put a file in its place`;
};

/** Charts beside this one, which its Chart.yaml names by `file://`; anything further away has to lie in `charts/`. */
const addDependencies = async (snapshot: Snapshot, folder: string, closure: Map<string, Entry>): Promise<void> => {
  for (const { name, repository, line } of await dependenciesOf(snapshot, folder)) {
    const there = [...closure.keys()].some((each) => each.startsWith(pathIn(folder, `charts/${name}`)));
    if (there) continue;
    const file = pathIn(folder, "Chart.yaml");
    if (!repository.startsWith("file://")) {
      const wayOut = "run `helm dependency build` and commit charts/";
      throw new RenderError(snapshot, `the dependency ${name} is not in charts/: ${wayOut}`, file, line);
    }
    const beside = posix.normalize(posix.join(folder, repository.slice("file://".length)));
    if (!snapshot.entries.has(`${beside}/Chart.yaml`)) {
      throw new RenderError(snapshot, `the dependency ${name} is not at ${beside}`, file, line);
    }
    for (const entry of filesBelow(snapshot, beside)) closure.set(entry.path, entry);
    await addDependencies(snapshot, beside, closure);
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
  return (Array.isArray(dependencies) ? dependencies : []).map(({ name, repository }) => ({
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
    for (const word of namesIn(value)) {
      const line = lineOf(text, word);
      const refused = (reason: string) => new RenderError(snapshot, reason, file, line);
      if (remote.test(word)) {
        throw refused(`names ${word}, and nothing is fetched from elsewhere: commit what it holds, and name that`);
      }
      const target = posix.normalize(posix.join(home, word)).replace(/\/$/, "");
      if (posix.isAbsolute(word) || target === ".." || target.startsWith("../")) {
        throw refused(`names ${word}, which is outside of the repository`);
      }
      const found = snapshot.entries.get(target);
      const below = found ? [found] : filesBelow(snapshot, target === "." ? "" : target);
      if (below.length === 0) throw refused(`names ${word}, which is not there`);
      for (const entry of below) closure.set(entry.path, entry);
      waiting.push(...below.map(({ path }) => path).filter(isKustomization));
    }
  }
};

const isKustomization = (path: string): boolean =>
  (kustomizationNames as readonly string[]).includes(posix.basename(path));

const lists = [
  "resources",
  "bases",
  "components",
  "crds",
  "configurations",
  "generators",
  "transformers",
  "validators",
];
const patches = ["patches", "patchesJson6902", "replacements"];
const generators = ["configMapGenerator", "secretGenerator"];

/** Every file and folder that a kustomization names. */
const namesIn = (value: unknown): string[] => {
  const kustomization = value as Readonly<Record<string, unknown>>;
  const items = (field: string): unknown[] => {
    const found = kustomization[field];
    return Array.isArray(found) ? found : [];
  };
  const records = (field: string) =>
    items(field).filter((each) => typeof each === "object" && each !== null) as Fields[];
  return [
    ...[...lists, "patchesStrategicMerge"].flatMap(items),
    ...patches.flatMap(records).map(({ path }) => path),
    ...generators
      .flatMap(records)
      .flatMap(({ files = [], envs = [], env }) => [
        ...[files].flat().map((each) => String(each).replace(/^[^=]*=/, "")),
        ...[envs].flat(),
        env,
      ]),
    (kustomization.openapi as Fields | undefined)?.path,
  ].filter((each): each is string => typeof each === "string" && each !== "" && !each.includes("\n"));
};

type Fields = Readonly<Record<string, unknown>>;
