// What does a Git repository hold at one commit? Its entries and their bytes, without a checkout.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { maxSatisfying, validRange } from "semver";
import { type Revision, revisionName } from "../agent/agent.ts";
import { openArtifact } from "./artifact.ts";
import { isArtifact } from "./credentials.ts";
import { git, gitBytes } from "./git.ts";
import { type Access, accessTo, type PlainCredentials } from "./git-access.ts";

/** A file, link or submodule of a commit. */
export interface Entry {
  readonly type: "file" | "link" | "submodule";
  readonly oid: string;
  /** Bytes. */
  readonly size: number;
  /** From the root of the repository. */
  readonly path: string;
}

/** A repository at one commit. */
export interface Snapshot {
  /** URL as it was declared. */
  readonly url: string;
  /** Full hash; of an artifact its digest, without the word sha256. */
  readonly commit: string;
  /** Everything in it, by path. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** The bytes of some entries, by path. */
  readonly read: (entries: readonly Entry[]) => Promise<Map<string, Buffer>>;
  /** What Git keeps of the commit, and of the tag by which it was opened where that is an object: with their signatures. */
  readonly signable: () => Promise<{ readonly commit: Buffer; readonly tag?: Buffer }>;
  /** Lets go of what was fetched. */
  readonly close: () => Promise<void>;
}

/** Thrown when a repository, a revision or a path cannot be read: names all three and the way out. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/**
 * Where this machine reaches a repository: the copy in the folder of `PLUMBLINE_REPOSITORIES` that has the last part of
 * the URL as its name, if there is one, else the URL.
 */
export const reachable = (url: string, local = process.env.PLUMBLINE_REPOSITORIES): string => {
  if (!local || isAbsolute(url) || isArtifact(url)) return url;
  const copy = join(local, new URL(url).pathname.split("/").at(-1) ?? "");
  return existsSync(copy) ? copy : url;
};

/** What may be said of how a repository is opened. */
export interface OpenOptions {
  /** Folder of copies; default: `PLUMBLINE_REPOSITORIES`. */
  readonly local?: string | undefined;
  /** How Git gets in where no copy is there. Default: as this machine's own Git does, by ~/.git-credentials and ~/.ssh. */
  readonly credentials?: PlainCredentials | undefined;
}

/** Seconds that a repository may take until it is fetched. */
const bound = 300;

/**
 * Opens a repository at a revision. One on this machine is read in place; of another, the one commit or artifact is fetched.
 *
 * @param url URL, or absolute path of a repository on this machine
 * @param revision where the repository is on this machine, `commit` is anything that Git understands: `HEAD~1`
 * @throws SourceError that names repository and revision
 */
export const openRepository = async (
  url: string,
  revision: Revision,
  { local, credentials }: OpenOptions = {},
): Promise<Snapshot> => {
  if (isArtifact(url)) return openArtifact(url, revision, credentials);
  const place = reachable(url, local);
  const here = isAbsolute(place);
  const scratch = here ? undefined : await mkdtemp(join(tmpdir(), "plumbline-repository-"));
  const close = async () => {
    if (scratch) await rm(scratch, { recursive: true, force: true });
  };
  const folder = scratch ?? place;
  let access: Access | undefined;
  const at = (...args: string[]) => git(args, { cwd: folder, bound, ...access?.git });
  try {
    if (scratch) {
      await at("init", "--quiet", "--bare");
      access = credentials && (await accessTo(url, credentials));
      const wanted = "semver" in revision ? await newestTag(at, revision.semver, place) : refName(revision);
      await at("fetch", "--quiet", "--depth=1", "--no-tags", "--", place, wanted);
      await access?.close();
    }
    const name = scratch
      ? "FETCH_HEAD"
      : "semver" in revision
        ? await newestTag(at, revision.semver)
        : refName(revision);
    const commit = await at("rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`).catch(() => {
      throw new Error("it is not there");
    });
    const listing = await at("ls-tree", "-r", "-z", "-l", "--full-tree", commit);
    const entries = new Map(listing.split("\0").flatMap(entryOf));
    return {
      url,
      commit,
      entries,
      close,
      read: (wanted) => readEntries(folder, wanted),
      signable: async () => {
        const kept = (type: string, object: string) => gitBytes(["cat-file", type, object], { cwd: folder, bound });
        const tagged = (await at("cat-file", "-t", name)) === "tag";
        return { commit: await kept("commit", commit), ...(tagged && { tag: await kept("tag", name) }) };
      },
    };
  } catch (error) {
    await access?.close();
    await close();
    const kind = Object.keys(revision)[0];
    throw new SourceError(
      `cannot read ${kind} ${revisionName(revision)} of ${url}: ${(error as Error).message}. Correct the source of the app, or make the repository reachable from here`,
    );
  }
};

const refName = (revision: Exclude<Revision, { semver: string }>): string => {
  if ("branch" in revision) return `refs/heads/${revision.branch}`;
  if ("tag" in revision) return `refs/tags/${revision.tag}`;
  if ("commit" in revision) return revision.commit;
  throw new Error("a digest is of a registry, oci://…");
};

const newestTag = async (
  at: (...args: string[]) => Promise<string>,
  range: string,
  remote?: string,
): Promise<string> => {
  // Flux and Argo CD read a comma as "and", as Masterminds' library does.
  const wanted = range.replaceAll(",", " ");
  if (!validRange(wanted)) throw new Error('it is no range of versions such as ">=1.2.0 <2.0.0"');
  const listing = remote
    ? await at("ls-remote", "--tags", "--refs", "--", remote)
    : await at("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/");
  const tags = listing.split("\n").flatMap((line) => line.match(/refs\/tags\/(.*)$/)?.[1] ?? []);
  const newest = maxSatisfying(tags, wanted);
  if (!newest) throw new Error(`none of its ${tags.length} tags is in that range`);
  return `refs/tags/${newest}`;
};

const types = { "100": "file", "120": "link", "160": "submodule" } as const;

const entryOf = (line: string): [string, Entry][] => {
  const [, mode = "", oid = "", size = "", path = ""] = /^(\d{3})\d{3} \w+ ([0-9a-f]+) +(\S+)\t(.*)$/s.exec(line) ?? [];
  const type = types[mode as keyof typeof types];
  return type ? [[path, { type, oid, size: Number(size) || 0, path }]] : [];
};

/** All bytes by one process: starting one for each file would take longer than reading. */
const readEntries = async (folder: string, entries: readonly Entry[]): Promise<Map<string, Buffer>> => {
  const contents = new Map<string, Buffer>();
  if (entries.length === 0) return contents;
  const input = entries.map(({ oid }) => `${oid}\n`).join("");
  const bytes = await gitBytes(["cat-file", "--batch"], { cwd: folder, input, bound });
  let offset = 0;
  for (const { path, oid } of entries) {
    const end = bytes.indexOf(10, offset);
    const [, type, size] = bytes.subarray(offset, end).toString().split(" ");
    if (type !== "blob") throw new SourceError(`${path}: Git has no content ${oid}`);
    contents.set(path, bytes.subarray(end + 1, end + 1 + Number(size)));
    offset = end + 1 + Number(size) + 1;
  }
  return contents;
};
