// Is what lies in the cache what was put there? Folders that appear whole or not at all, with a record that is checked before use.
import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  type Dirent,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { EngineError } from "./errors.ts";
import { isAlive, thisProcess } from "./processes.ts";

/** What a stored folder is found to be. */
export type Condition = "good" | "missing" | { readonly altered: string };

const recordName = "SHA256SUMS.json";
type Recorded = Record<string, { sha256: string; size: number; modified: number }>;

/**
 * Checks the folder against its record. Size and modification time decide; where they differ from the record, or with
 * `thorough`, the content does.
 */
export async function conditionOf(folder: string, { thorough = false } = {}): Promise<Condition> {
  let record: Recorded;
  try {
    record = JSON.parse(readFileSync(join(folder, recordName), "utf8"));
  } catch {
    return "missing";
  }
  for (const [name, wanted] of Object.entries(record)) {
    const file = join(folder, name);
    let found: ReturnType<typeof statSync>;
    try {
      found = statSync(file);
    } catch {
      return { altered: `${file} is gone` };
    }
    if (found.size !== wanted.size) return { altered: `${file} has ${found.size} bytes instead of ${wanted.size}` };
    if ((thorough || found.mtimeMs !== wanted.modified) && (await sha256Of(file)) !== wanted.sha256)
      return { altered: `${file} is not what was stored` };
  }
  return "good";
}

/**
 * Makes `folder` by letting `fill` write into a folder beside it, recording every file's checksum, then renaming.
 * What killed processes left beside it is removed. The caller holds the lock.
 */
export async function store(folder: string, fill: (aside: string) => Promise<void>): Promise<void> {
  const parent = join(folder, "..");
  const me = thisProcess();
  const aside = join(parent, `.new-${me.pid}-${me.started}`);
  await explained(parent, async () => {
    mkdirSync(parent, { recursive: true });
    sweep(parent);
    rmSync(aside, { recursive: true, force: true });
    mkdirSync(aside);
    try {
      await fill(aside);
      const record: Recorded = {};
      for (const file of filesOf(aside)) {
        const { size, mtimeMs } = statSync(file);
        record[relative(aside, file)] = { sha256: await sha256Of(file), size, modified: mtimeMs };
      }
      writeFileSync(join(aside, recordName), `${JSON.stringify(record, null, 2)}\n`);
      rmSync(folder, { recursive: true, force: true });
      renameSync(aside, folder);
    } finally {
      // A compiler that was just killed may still be writing: then the folder is not empty at first.
      rmSync(aside, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
  });
}

/** Marks a stored folder as used now and removes its siblings that nobody used for two weeks. */
export function keepFresh(folder: string): void {
  const now = new Date();
  try {
    utimesSync(join(folder, recordName), now, now);
    for (const sibling of readdirSync(join(folder, ".."))) {
      const other = join(folder, "..", sibling);
      if (other === folder || sibling.startsWith(".")) continue;
      const used = statSync(join(other, recordName), { throwIfNoEntry: false });
      if (used && now.getTime() - used.mtimeMs > 14 * 24 * 3600_000) rmSync(other, { recursive: true, force: true });
    }
  } catch (error) {
    // A cache that is read-only (a shared or mounted one) still serves what is in it.
    if (!["EROFS", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** SHA-256 of a file, as hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash: Hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** Runs `work`, turning a full or read-only disk under `folder` into an error that says the way out. */
export async function explained<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || /no space left on device|disk quota exceeded/i.test(message))
      throw new EngineError(
        "DISK_FULL",
        `The disk under ${folder} is full.`,
        "Free some space there, or name another folder with PLUMBLINE_CACHE, and run the same command again: it continues.",
        { cause: error },
      );
    if (code === "EROFS" || code === "EACCES" || code === "EPERM" || /read-only file system/i.test(message))
      throw new EngineError(
        "CACHE_NOT_WRITABLE",
        `Nothing can be written under ${folder} (${code ?? "read-only file system"}).`,
        "Make it writable, or name another folder with PLUMBLINE_CACHE.",
        { cause: error },
      );
    throw error;
  }
}

function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, started] = /^\.new-(\d+)-(\d+)$/.exec(name) ?? [];
    if (pid && started && !isAlive({ pid: Number(pid), started: Number(started) }))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry: Dirent) => entry.isFile())
    .map((entry: Dirent) => join(entry.parentPath, entry.name))
    .sort();
}
