// What does the pack have to know of the stack it judges, and where are the manifests of its apps?
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Definition } from "../components/platform.ts";
import { isManifest, type ManifestFile } from "./check.ts";
import { git } from "./git.ts";

/** The clone this pack lies in. */
export const clone = join(import.meta.dirname, "..");

/**
 * The definition in `stacks/<name>.ts`; undefined where there is no such file, as in somebody else's project that uses the
 * pack alone.
 *
 * @throws Error that names the file when it declares something wrong
 */
export const definitionOf = async (name: string): Promise<Definition | undefined> => {
  const file = join(clone, "stacks", `${name}.ts`);
  if (!existsSync(file)) return undefined;
  try {
    const { default: declared } = (await import(file)) as { default: Definition | (() => Definition) };
    return typeof declared === "function" ? declared() : declared;
  } catch (error) {
    throw new Error(`stacks/${name}.ts: ${(error as Error).message}`, { cause: error });
  }
};

/** An app and the manifests that its agent would apply. */
export interface AppManifests {
  readonly app: string;
  readonly namespace: string;
  readonly files: readonly ManifestFile[];
}

/**
 * The manifests of each app at the tip of the branch that its agent follows.
 *
 * A repository whose URL only the cluster can reach is read from the folder in `PLUMBLINE_REPOSITORIES`, where it has the
 * last part of that URL as its name.
 *
 * @throws Error that names app and repository when they cannot be read
 */
export const manifestsOf = async (
  { settings }: Definition,
  local = process.env.PLUMBLINE_REPOSITORIES,
): Promise<AppManifests[]> =>
  Promise.all(
    settings.apps.map(async ({ name, namespace = name, source }) => {
      const url = source.repository ?? settings.git.url;
      const branch = source.revision ?? settings.git.branch;
      try {
        return { app: name, namespace, files: await filesOf(reachable(url, local), branch, source.path) };
      } catch (error) {
        throw new Error(
          `app "${name}": cannot read ${source.path} of branch ${branch} in ${url}: ${(error as Error).message}`,
        );
      }
    }),
  );

/** Where this machine reaches a repository: the copy in the folder, if there is one, else its URL. */
export const reachable = (url: string, local = process.env.PLUMBLINE_REPOSITORIES): string => {
  const copy = local && join(local, new URL(url).pathname.split("/").at(-1) ?? "");
  return copy && existsSync(copy) ? copy : url;
};

/** Every manifest below a path at the tip of a branch; the URL may be that of a folder. */
const filesOf = async (url: string, branch: string, path: string): Promise<ManifestFile[]> => {
  const scratch = await mkdtemp(join(tmpdir(), "plumbline-manifests-"));
  try {
    const within = (...args: string[]) => git(args, { cwd: scratch });
    await within("init", "--quiet", "--bare");
    await within("fetch", "--quiet", "--depth=1", "--no-tags", "--", url, `refs/heads/${branch}`);
    const folder = path.replace(/^\.?\/+/, "").replace(/\/+$/, "");
    const listing = await within("ls-tree", "-r", "-z", "FETCH_HEAD", "--", ...(folder ? [`${folder}/`] : []));
    const entries = listing
      .split("\0")
      .map((line) => /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line))
      .filter((match) => match?.[1]?.startsWith("100") && isManifest(match[3] ?? ""));
    if (entries.length === 0) throw new Error("there are no manifests");
    return await Promise.all(
      entries.map(async (match) => ({
        file: match?.[3] ?? "",
        content: Buffer.from(await within("cat-file", "blob", match?.[2] ?? "")),
      })),
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
