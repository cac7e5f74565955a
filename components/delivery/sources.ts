// Where in a repository does each object stand? The files of an app, read by the reader whose errors have file and line.
import { type Closure, contentsOf, dataOf, inRepository, isWithin, isYaml, RenderError } from "./closure.ts";
import { isKustomization } from "./kustomization.ts";
import { type KubernetesObject, type Manifest, manifestsOf, readDocuments, type YamlDocument } from "./manifests.ts";
import type { Snapshot } from "./repository.ts";

/** Objects, and what looks like one, of the files of an app. */
export interface Sources {
  /** All of them: patches, too. */
  readonly found: readonly Manifest[];
  /** What the plain files of a folder hold, each object being whole; empty where a kustomization names the files. */
  readonly manifests: readonly Manifest[];
}

/** How the files of an app are read. */
interface Reading {
  /** Whether a file is one of a folder itself, not of a kustomization, where what it holds need be no object. */
  readonly plain: (path: string) => boolean;
  /**
   * Whether a file is passed over; by default none is.
   *
   * @throws ManifestError where the agent can't take what it holds
   */
  readonly passed?: (path: string, bytes: Buffer, documents: readonly YamlDocument[]) => boolean;
  /** Whether an object may stand more than once, all being told. Default: it is an error. */
  readonly repeats?: boolean;
}

/**
 * Reads what an agent will read.
 *
 * @throws RenderError with file and line of what is no YAML, no object, or an object that stands twice
 */
export const readSources = async (
  snapshot: Snapshot,
  closure: Closure,
  { plain, passed = () => false, repeats = false }: Reading,
): Promise<Sources> => {
  const data = await dataOf(snapshot, closure);
  const files = [...closure.values()].filter(({ path }) => (isYaml(path) || isJson(path)) && !data.has(path));
  const found: Manifest[] = [];
  const manifests = new Map<string, Manifest>();
  for (const [path, bytes] of await contentsOf(snapshot, files)) {
    if (isKustomization(path)) continue; // read, where it was followed
    try {
      if (!plain(path)) {
        for (const { value, line } of readDocuments(bytes, path)) {
          const object = value as KubernetesObject | null;
          if (object?.kind && object.metadata?.name) found.push({ file: path, line, object });
        }
        continue;
      }
      const documents = readDocuments(bytes, path);
      if (passed(path, bytes, documents)) continue;
      for (const manifest of manifestsOf(documents, path)) {
        if (repeats) manifests.set(`${manifests.size}`, manifest);
        else refuseSecond(snapshot, manifests, manifest);
        refuseNumbers(snapshot, manifest);
        found.push(manifest);
      }
    } catch (error) {
      throw inRepository(snapshot, error);
    }
  }
  return { found, manifests: [...manifests.values()] };
};

const isJson = (path: string): boolean => path.endsWith(".json");

const refuseSecond = (snapshot: Snapshot, manifests: Map<string, Manifest>, manifest: Manifest): void => {
  const { object, file, line } = manifest;
  const { name } = object.metadata;
  const key = name ? keyOf(object) : `${file}:${line}:${manifests.size}`;
  const other = manifests.get(key);
  if (other) {
    const reason = `${object.kind} ${name} is also in ${other.file}:${other.line}: an object stands in one place`;
    throw new RenderError(snapshot, reason, file, line);
  }
  manifests.set(key, manifest);
};

// Flux applies the object without them, and Kustomize makes text of them as soon as it adds an annotation of its own.
const refuseNumbers = (snapshot: Snapshot, { object, file, line }: Manifest): void => {
  for (const field of ["labels", "annotations"] as const) {
    const values = (object.metadata as { readonly [Field in typeof field]?: Readonly<Record<string, unknown>> })[field];
    const wrong = Object.entries(values ?? {}).find(([, value]) => typeof value === "number");
    if (!wrong) continue;
    const what = `has ${wrong[1]}, a number, as metadata.${field}.${wrong[0]}, where text is wanted: put it in quotes`;
    throw new RenderError(snapshot, `${object.kind} ${object.metadata.name} ${what}`, file, line);
  }
};

/** What tells an object from others: its version is not part of it. */
export const keyOf = ({ apiVersion, kind, metadata }: KubernetesObject): string =>
  `${apiVersion.replace(/\/?[^/]*$/, "")} ${kind} ${metadata.namespace ?? ""} ${metadata.name ?? ""}`;

/** Line of an object in a file. Its name may have got a prefix, a suffix or a hash on the way. */
export const lineIn = ({ found }: Sources, file: string, { kind, metadata }: KubernetesObject): number | undefined => {
  const there = found.filter((each) => each.file === file && each.object.kind === kind);
  const name = String(metadata.name ?? "");
  return (
    there.find(({ object }) => object.metadata.name === name) ??
    there.find(({ object }) => name.includes(String(object.metadata.name ?? "\0")))
  )?.line;
};

/** Whether a file is one of a folder itself, and of no kustomization in it. */
export const plainIn =
  (nested: readonly string[]) =>
  (path: string): boolean =>
    isYaml(path) && !isWithin(path, nested);
