// What do the names mean by which apps reach out of their repository? What the lock says, fetched once and held against it.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchChart, fetchCommit, fetchFile } from "./fetch.ts";
import { type Lock, readLock } from "./lock.ts";
import type { RemoteBase } from "./remote-url.ts";
import { openRepository, type Snapshot } from "./repository.ts";

/** What is wrong with something of elsewhere, and the way out, as it goes on behind its name and "which". */
export class RemoteProblem extends Error {
  override readonly name = "RemoteProblem";
}

/** A file or an archive of elsewhere. */
export interface RemoteFile {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** A chart that another one depends on. */
export interface ChartDependency {
  /** URL of the repository of charts: `https://` or `oci://`. */
  readonly repository: string;
  readonly name: string;
  /** Version, or range of versions. */
  readonly asked: string;
}

/** Where what lies elsewhere comes from. */
export interface Remotes {
  /** The file at a URL; undefined where the name stands for no file. @throws RemoteProblem */
  readonly file: (url: string) => Promise<RemoteFile | undefined>;
  /** The repository of a base, at one commit. @throws RemoteProblem */
  readonly base: (base: RemoteBase) => Promise<Snapshot>;
  /** The archive of a chart. @throws RemoteProblem */
  readonly chart: (dependency: ChartDependency) => Promise<RemoteFile & { readonly version: string }>;
}

/** Variable that names the folder in which what was fetched is kept. Unset: it is fetched anew each time. */
export const keptVariable = "PLUMBLINE_REMOTES";

const unlocked =
  "is not locked, and nothing is fetched from elsewhere before it is: run `plumbline lock`, and commit the file that it writes beside the stack";
const changed = "see with its publisher what that is, then run `plumbline lock`, or name another version";

/**
 * What the lock file of the stack says, and nothing else: from the folder of {@link keptVariable}, else by the network.
 *
 * @param offline whether what is not kept is a problem rather than fetched
 */
export const lockedRemotes = ({ offline = false } = {}): Remotes => {
  let known: Promise<Lock> | undefined;
  const lock = () => {
    known ??= readLock();
    return known;
  };
  const reach = () => {
    if (offline) throw new NotKept();
  };
  return {
    file: async (url) => {
      const locked = (await lock()).files.find((each) => each.url === url);
      if (!locked) return undefined;
      const found = await keptFile(locked.sha256, async () => {
        reach();
        const bytes = await fetchFile(url);
        if (!bytes) throw new RemoteProblem(`is there no more: ${changed}`);
        return bytes;
      });
      if (found.sha256 === locked.sha256) return found;
      throw new RemoteProblem(`has the content ${found.sha256} now and had ${locked.sha256}: ${changed}`);
    },
    base: async ({ repository, ref }) => {
      const locked = (await lock()).bases.find((each) => each.repository === repository && each.ref === ref);
      if (!locked) throw new RemoteProblem(unlocked);
      return keptCommit(repository, locked.commit, async (folder) => {
        reach();
        const found = await fetchCommit(folder, repository, ref);
        if (found !== locked.commit) {
          throw new RemoteProblem(`is commit ${found} now and was ${locked.commit}: ${changed}`);
        }
        return found;
      });
    },
    chart: async ({ repository, name, asked }) => {
      const locked = (await lock()).charts.find(
        (each) => each.repository === repository && each.name === name && each.asked === asked,
      );
      if (!locked) {
        const wayOut =
          "run `helm dependency build` and commit charts/, or run `plumbline lock` and commit what it writes";
        throw new RemoteProblem(`is not in charts/: ${wayOut}; ${asked} of ${repository} is not locked`);
      }
      const found = await keptFile(locked.sha256, async () => {
        reach();
        return (await fetchChart({ repository, name, asked: locked.version })).bytes;
      });
      if (found.sha256 === locked.sha256) return { ...found, version: locked.version };
      const now = `has the content ${found.sha256} now and had ${locked.sha256} as version ${locked.version}`;
      throw new RemoteProblem(`${now}, at ${repository}: ${changed}`);
    },
  };
};

/**
 * The same, for an agent that is told to fetch no bases: Flux, unless its layer names ports. What Pulumi itself renders is fetched
 * where it runs.
 */
export const remotesOf = (
  { agent }: { readonly agent?: { readonly remoteBases?: boolean } },
  model: "pull" | "push" | undefined,
  remotes = lockedRemotes(),
): Remotes => {
  if (agent?.remoteBases !== false || model === "push") return remotes;
  const refused = async (): Promise<never> => {
    throw new RemoteProblem(
      "is elsewhere, and nothing is fetched from elsewhere by the agent of this stack: commit what it holds, or say flux({ remotePorts: [443] })",
    );
  };
  return { ...remotes, file: refused, base: refused };
};

/** Thrown where nothing may be fetched: nothing is known then, and nothing wrong. */
export class NotKept extends Error {
  override readonly name = "NotKept";
}

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const folderOf = (): string | undefined => process.env[keptVariable] || undefined;

/** A file by its digest. What is kept under it and has another one was tampered with, and is fetched again. */
const keptFile = async (sha256: string, fetched: () => Promise<Buffer>): Promise<RemoteFile> => {
  const kept = folderOf();
  const place = kept && join(kept, "files", sha256);
  const known = place && (await readFile(place).catch(() => undefined));
  if (known && digestOf(known) === sha256) return { bytes: known, sha256 };
  const bytes = await fetched();
  await keepFile(bytes);
  return { bytes, sha256: digestOf(bytes) };
};

/** Keeps a file under its own digest. */
export const keepFile = async (bytes: Buffer): Promise<void> => {
  const kept = folderOf();
  if (!kept) return;
  const place = join(kept, "files", digestOf(bytes));
  await mkdir(join(kept, "files"), { recursive: true, mode: 0o700 });
  const aside = `${place}.${process.pid}`;
  await writeFile(aside, bytes, { mode: 0o600 });
  await rename(aside, place);
};

/**
 * A repository at one commit, in a folder of its own that `fetched` fills where it is not kept, and says which commit it got. The
 * hash of a commit is that of all that it holds: Git holds what arrives against it, and what is read is held against it again.
 */
export const keptCommit = async (
  repository: string,
  commit: string | undefined,
  fetched: (folder: string) => Promise<string>,
): Promise<Snapshot> => {
  const kept = folderOf();
  const place = kept && commit && join(kept, "commits", commit);
  if (place && (await stat(place).catch(() => undefined))) return opened(place, repository, commit);
  const parent = kept ? join(kept, "commits") : tmpdir();
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const aside = await mkdtemp(join(parent, "plumbline-fetch-"));
  try {
    const found = await fetched(aside);
    if (!kept) {
      const close = () => rm(aside, { recursive: true, force: true });
      return { ...(await opened(aside, repository, found)), close };
    }
    const final = join(kept, "commits", found);
    // Somebody else may have been quicker; what he fetched is the same.
    await rename(aside, final).catch(() => rm(aside, { recursive: true, force: true }));
    return await opened(final, repository, found);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
};

const opened = async (folder: string, repository: string, commit: string): Promise<Snapshot> => {
  const snapshot = await openRepository(folder, { commit });
  const read: Snapshot["read"] = async (entries) => {
    const contents = await snapshot.read(entries);
    for (const { path, oid } of entries) {
      const bytes = contents.get(path) ?? Buffer.alloc(0);
      const hash = createHash(oid.length === 64 ? "sha256" : "sha1")
        .update(`blob ${bytes.length}\0`)
        .update(bytes);
      if (hash.digest("hex") === oid) continue;
      throw new RemoteProblem(
        `${repository} at commit ${commit}: ${path} is not what it was in ${folder}: remove that`,
      );
    }
    return contents;
  };
  return { ...snapshot, url: repository, read };
};
