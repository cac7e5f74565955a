// What does the pack have to know of the stack it judges, and where are the manifests of its apps?
import { existsSync } from "node:fs";
import { join } from "node:path";
import { discover, folderOf, snapshots, sourceOf } from "../components/delivery/discover.ts";
import { type Snapshot, SourceError } from "../components/delivery/repository.ts";
import type { Definition } from "../components/platform.ts";
import { singleApps } from "../components/settings.ts";
import { isManifest, type ManifestFile } from "./check.ts";

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
 * The manifests of each app at the revision that its agent follows.
 *
 * @param local folder with copies of repositories whose URL only the cluster reaches; default: `PLUMBLINE_REPOSITORIES`
 * @throws SourceError that names repository, revision and path when they cannot be read
 */
export const manifestsOf = async (definition: Definition, local?: string): Promise<AppManifests[]> => {
  const { settings } = await discover(definition, local);
  const sources = snapshots(local);
  try {
    return await Promise.all(
      singleApps(settings).map(async ({ name, namespace = name, source }) => {
        const snapshot = await sources.open(sourceOf(settings, source));
        return { app: name, namespace, files: await filesOf(snapshot, folderOf(source.path)) };
      }),
    );
  } finally {
    await sources.close();
  }
};

/** Every manifest below a path. */
const filesOf = async ({ entries, read, url, commit }: Snapshot, folder: string): Promise<ManifestFile[]> => {
  const found = [...entries.values()].filter(
    ({ type, path }) => type === "file" && path.startsWith(folder && `${folder}/`) && isManifest(path),
  );
  if (found.length === 0)
    throw new SourceError(`${url} has no manifests in ${folder} at commit ${commit.slice(0, 12)}`);
  return [...(await read(found))].map(([file, content]) => ({ file, content }));
};
