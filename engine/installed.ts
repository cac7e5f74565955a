// Which programs does the machine already have, and are they the ones that were tested?
import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import type { OnPath } from "./programs.ts";

/** The first executable of this name on PATH, else in one of `places`. */
export function findOnPath(name: string, places: readonly string[] = []): string | undefined {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...places]) {
    if (!folder) continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** What PATH has of a program. */
export interface Installed {
  readonly path: string;
  /** As the program reports it; undefined when it says none. */
  readonly version: string | undefined;
  /** Why it is not used; undefined when it is. */
  readonly refused: string | undefined;
}

/** Looks for a program on PATH and asks it for its version. */
export async function installed(name: string, version: string, how: OnPath): Promise<Installed | undefined> {
  const path = findOnPath(how.beside ?? name);
  if (!path) return undefined;
  const real = realpathSync(path);
  // It is copied into the cluster's folder of programs: a wrapper or a version manager's shim would not work there.
  if (!isElf(real)) return { path, version: undefined, refused: "it is a script, not a program" };
  if (how.static && !isStatic(real)) return { path, version: undefined, refused: "it is not statically linked" };
  const said = await execa(path, [...how.args], { reject: false, timeout: 5_000, stdin: "ignore" });
  const found = how.version.exec(`${said.stdout}\n${said.stderr}`)?.[1];
  if (!found)
    return { path, version: undefined, refused: said.failed ? said.shortMessage : "it does not say its version" };
  if (how.atLeast ? older(found, how.atLeast) : found !== version)
    return {
      path,
      version: found,
      refused: `version ${found} instead of ${how.atLeast ? `${how.atLeast} or later` : version}`,
    };
  if (!how.beside) return { path, version: found, refused: undefined };
  const sibling = join(real, "..", name);
  return statSync(sibling, { throwIfNoEntry: false })
    ? { path: sibling, version: found, refused: undefined }
    : undefined;
}

/** Whether version `a` comes before version `b`: the first three numbers count. */
export function older(a: string, b: string): boolean {
  const [left = [], right = []] = [a, b].map((version) => version.split(/\D+/).map(Number));
  const at = [0, 1, 2].find((i) => (left[i] ?? 0) !== (right[i] ?? 0));
  return at !== undefined && (left[at] ?? 0) < (right[at] ?? 0);
}

const isElf = (path: string): boolean => head(path).subarray(0, 4).equals(Buffer.from("\x7fELF", "latin1"));

/** A dynamic program names its loader near its start. */
const isStatic = (path: string): boolean => !head(path).includes("/ld-");

function head(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(4096);
    return buffer.subarray(0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}
