// Where are all programs together? One flat folder that serves as PATH, on this machine and inside the cluster.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "./folders.ts";
import { withLock } from "./lock.ts";
import { rowOf } from "./programs.ts";
import type { Resolved } from "./resolve.ts";
import { explained } from "./store.ts";

/**
 * One folder with every program under its own name. Its entries are hard links to what the cache holds (copies of what
 * came from PATH), or symbolic links to a neighbour in the folder itself: it can be bind-mounted alone, anywhere,
 * read-only. Programs marked `apart` in the table are left out. The same programs give the same folder.
 */
export async function programFolder(resolved: Iterable<Resolved>): Promise<string> {
  const programs = [...resolved].filter(({ program }) => !rowOf(program).apart);
  const sources = programs.map(({ program, path }) => [program, path, identityOf(path)]).sort();
  const key = createHash("sha256").update(JSON.stringify(sources)).digest("hex").slice(0, 16);
  const folder = join(cacheFolder(), "bin", key);
  if (isWhole(folder, programs)) return folder;
  return explained(cacheFolder(), () =>
    withLock(join(cacheFolder(), "bin", ".lock"), { purpose: "links programs", waiting: () => {} }, async () => {
      if (isWhole(folder, programs)) return folder;
      const aside = join(cacheFolder(), "bin", `.new-${key}`);
      rmSync(aside, { recursive: true, force: true });
      mkdirSync(aside);
      for (const one of programs) put(one, aside);
      sweep(join(folder, ".."));
      rmSync(folder, { recursive: true, force: true });
      renameSync(aside, folder);
      return folder;
    }),
  );
}

/** Links show what they link to, so this is about the copies: cut off by a full disk, or altered since. */
const isWhole = (folder: string, programs: readonly Resolved[]): boolean =>
  programs.every(
    ({ program, path }) => statSync(join(folder, program), { throwIfNoEntry: false })?.size === statSync(path).size,
  );

function put({ program, path, from }: Resolved, folder: string): void {
  const target = join(folder, program);
  if (from === "path") {
    copyFileSync(realpathSync(path), target);
    return;
  }
  if (lstatSync(path).isSymbolicLink()) {
    // One binary under many names: its neighbour comes along.
    const neighbour = readlinkSync(path);
    if (!existsSync(join(folder, neighbour))) hardLink(join(dirname(path), neighbour), join(folder, neighbour));
    symlinkSync(neighbour, target);
    return;
  }
  hardLink(path, target);
  const libraries = join(dirname(path), "libraries");
  if (from === "package" && existsSync(libraries))
    cpSync(libraries, join(folder, basename(libraries)), { recursive: true, force: true });
}

function hardLink(path: string, target: string): void {
  try {
    linkSync(path, target);
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    copyFileSync(path, target); // a file system without hard links
  }
}

/** A rebuilt or replaced program is another file: it must give another folder. */
function identityOf(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino} ${size} ${mtimeMs}`;
}

/** Removes folders that were made three months ago. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (name.startsWith(".")) continue;
    const made = statSync(join(parent, name), { throwIfNoEntry: false });
    if (made && Date.now() - made.mtimeMs > 90 * 24 * 3600_000)
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}
