// Where among the files of an app lies what it names of elsewhere? Below `.plumbline-remote/`, by where it is from and what it was.
import { posix } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { closureOf, contentsOf, type Following, type Part, RenderError } from "./closure.ts";
import { pathIn } from "./discover.ts";
import { isKustomization } from "./kustomization.ts";
import { remoteBase } from "./remote-url.ts";
import { type ChartDependency, NotKept, RemoteProblem } from "./remotes.ts";
import type { Snapshot } from "./repository.ts";

/** Folder of what was fetched; agents have no such folder. */
const home = ".plumbline-remote";

/** A name that leads elsewhere, and where it stands. */
interface Named {
  readonly word: string;
  readonly file: string;
  readonly line: number;
}

/**
 * What a kustomization names of elsewhere: the files, and which of them, or which folder, the name is.
 *
 * @throws RenderError with where it is named, or with what is wrong there
 */
export const remoteTarget = async (
  snapshot: Snapshot,
  { word, file, line }: Named,
  { outer, ...following }: Required<Following>,
): Promise<{ readonly path: string; readonly parts: readonly Part[] }> => {
  const { remotes } = following;
  const refused = (reason: string) => new RenderError(snapshot, reason, file, line);
  if (!/^(git::)?(https?:|github\.com\/)/i.test(word)) {
    throw refused(`names ${word}, for which agents have no key: name it by https://, or commit what it holds`);
  }
  const placed = asked(snapshot, { what: `names ${word}`, file, line });
  const taken = await placed(async () => (/^https?:/i.test(word) ? remotes.file(word) : undefined));
  if (taken) {
    const name = posix.basename(new URL(word).pathname) || "file.yaml";
    const path = `${folderFor(word, taken.sha256)}/${name}`;
    return { path, parts: [{ type: "file", oid: taken.sha256, size: taken.bytes.length, path, bytes: taken.bytes }] };
  }
  const base = remoteBase(word);
  if (!base) throw refused(`names ${word}, which is neither a file that is locked nor a repository of Git`);
  const name = `${base.repository} ${base.ref} ${base.path}`;
  if (outer.includes(name)) throw refused(`names ${word}, which leads back to itself: a base can't be its own`);
  const there = await placed(() => remotes.base(base));
  try {
    const within = await closureOf(there, base.path, AppKind.Kustomize, { ...following, outer: [...outer, name] });
    const folder = folderFor(base.repository, there.commit);
    const contents = await placed(() => contentsOf(there, [...within.values()]));
    const parts = [...within.values()].map(
      (part): Part => ({
        ...part,
        path: `${folder}/${part.path}`,
        bytes: contents.get(part.path) ?? Buffer.alloc(0),
        ...(part.remotes && {
          remotes: new Map([...part.remotes].map(([each, target]) => [each, `${folder}/${target}`])),
        }),
      }),
    );
    return { path: pathIn(folder, base.path), parts };
  } finally {
    await there.close();
  }
};

/** The archive of a chart that another one depends on, where Helm looks for it. @throws RenderError with where it is named */
export const remoteChart = async (
  snapshot: Snapshot,
  { folder, file, line, ...dependency }: ChartDependency & { folder: string; file: string; line: number },
  { remotes }: Required<Following>,
): Promise<Part> => {
  const { bytes, sha256, version } = await asked(snapshot, { what: `the dependency ${dependency.name}`, file, line })(
    () => remotes.chart(dependency),
  );
  const path = pathIn(folder, `charts/${dependency.name}-${version}.tgz`);
  return { type: "file", oid: sha256, size: bytes.length, path, bytes };
};

/** What can't be had is an error of the place that names it; what may not be asked for, and what is wrong elsewhere, stay what they are. */
const asked =
  (snapshot: Snapshot, { what, file, line }: { what: string; file: string; line: number }) =>
  async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof NotKept || error instanceof RenderError) throw error;
      const how = !(error instanceof RemoteProblem) ? ": " : what.startsWith("names ") ? ", which " : " ";
      throw new RenderError(snapshot, `${what}${how}${(error as Error).message}`, file, line);
    }
  };

const folderFor = (url: string, digest: string): string => {
  const place = url
    .replace(/^(git::)?[a-z]+:\/\//i, "")
    .replace(/\?.*$/s, "")
    .replace(/[^\w./-]/g, "_")
    .split("/")
    .filter((step) => !/^\.*$/.test(step))
    .join("/");
  return `${home}/${place}@${digest.slice(0, 12)}`;
};

/** A kustomization with the places of what it names of elsewhere instead of the names; as it is, where it names nothing such. */
export const withPlaces = <T>(value: T, { path, remotes }: Pick<Part, "path" | "remotes">): T => {
  if (!remotes) return value;
  const placed = (text: string): string => {
    const [, key = "", name = text] = /^([^=]*=)(.*)$/s.exec(text) ?? [];
    const whole = remotes.get(text);
    const target = whole ?? remotes.get(name);
    if (target === undefined) return text;
    const relative = posix.relative(posix.dirname(path), target);
    return whole === undefined ? key + relative : relative;
  };
  const walk = (each: unknown): unknown =>
    typeof each === "string"
      ? placed(each)
      : Array.isArray(each)
        ? each.map(walk)
        : typeof each === "object" && each !== null
          ? Object.fromEntries(Object.entries(each).map(([field, found]) => [field, walk(found)]))
          : each;
  return walk(value) as T;
};

/** Whether a file of the closure is a kustomization that names something of elsewhere. */
export const reachesOut = ({ path, remotes }: Part): boolean => isKustomization(path) && remotes !== undefined;

/** A path of the closure as people find it: of what was fetched `https://host/repository@commit/path` without its scheme. */
export const shownPath = (path: string): string => path.replace(/^.*\.plumbline-remote\//, "");
