// What does kustomize-controller make of a folder? The same build, with the kustomization that it writes into the folder.
import { rm, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { type Closure, contentsOf, documentOf, filesBelow, inRepository, RenderError } from "./closure.ts";
import { folderOf, kustomizationNames, pathIn } from "./discover.ts";
import { type KubernetesObject, type Manifest, readDocuments, readManifests } from "./manifests.ts";
import type { RenderedObject, Rendering, RenderRequest } from "./render.ts";
import { RendererFailure, withFiles } from "./render-program.ts";
import type { Snapshot } from "./repository.ts";

type Kustomization = Record<string, unknown>;

/** Annotation by which Kustomize tells where an object comes from. */
const origin = "config.kubernetes.io/origin";

/** Renders plain YAML or a kustomization. */
export const renderKustomization = async (
  snapshot: Snapshot,
  closure: Closure,
  { path, kind, namespace, images = {} }: RenderRequest,
): Promise<Omit<Rendering, "commit">> => {
  const folder = folderOf(path);
  const sources = await readSources(snapshot, closure, kind === AppKind.Yaml ? folder : undefined);
  const file = kustomizationNames.map((name) => pathIn(folder, name)).find((each) => closure.has(each));
  const declared = file ? ((await documentOf(snapshot, file)).value as Kustomization) : generated(snapshot, folder);
  const told = list(declared.buildMetadata).includes("originAnnotations");
  // Flux asks for the origin, too, where a kustomization names no resources.
  const stays = told || (file !== undefined && list(declared.resources).length === 0);
  const written: Kustomization = {
    ...declared,
    namespace,
    images: merged(declared.images, images),
    buildMetadata: [...list(declared.buildMetadata), ...(told ? [] : ["originAnnotations"])],
  };
  const output = await withFiles(snapshot, closure, async ({ folder: place, run }) => {
    const target = join(place, file ?? pathIn(folder, "kustomization.yaml"));
    await rm(target, { force: true });
    await writeFile(target, JSON.stringify(written));
    const args = ["build", "--load-restrictor=LoadRestrictionsNone", folder || "."];
    return run("kustomize", args).catch((error: unknown) => {
      throw error instanceof RendererFailure ? explained(snapshot, error.message, place, file) : error;
    });
  });
  const rendered = readManifests(output, "the output of kustomize").map(({ object }): RenderedObject => {
    const { told: from, kept } = originOf(object, stays);
    const source = from && posix.normalize(posix.join(folder || ".", from));
    const line = source && lineIn(sources, source, object);
    return { object: kept, ...(source && { file: source }), ...(line ? { line } : {}) };
  });
  return { objects: rendered, irreproducible: [] };
};

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

// Reads what Kustomize will read, with the reader whose errors have file and line, and which knows where each object stands.
const readSources = async (
  snapshot: Snapshot,
  closure: Closure,
  manifestsIn: string | undefined,
): Promise<Map<string, Manifest>> => {
  const found = new Map<string, Manifest>();
  const files = [...closure.values()].filter(({ path }) => /\.ya?ml$/.test(path));
  const nested = manifestsIn === undefined ? [] : nestedKustomizations(snapshot, manifestsIn);
  try {
    for (const [path, bytes] of await contentsOf(snapshot, files)) {
      const plain = manifestsIn !== undefined && !nested.some((each) => path.startsWith(`${each}/`));
      if (!plain) {
        for (const { value, line } of readDocuments(bytes, path)) remember(found, value, path, line);
        continue;
      }
      for (const manifest of readManifests(bytes, path)) {
        const { object, line } = manifest;
        const key = keyOf(object);
        const other = found.get(key);
        if (other && object.metadata.name) {
          const reason = `${object.kind} ${object.metadata.name} is also in ${other.file}:${other.line}: an object stands in one place`;
          throw new RenderError(snapshot, reason, path, line);
        }
        found.set(key, manifest);
      }
    }
  } catch (error) {
    throw inRepository(snapshot, error);
  }
  return found;
};

const remember = (found: Map<string, Manifest>, value: unknown, file: string, line: number): void => {
  const object = value as KubernetesObject | null;
  if (object?.kind && object.metadata?.name)
    found.set(`${file} ${object.kind} ${object.metadata.name}`, { file, line, object });
};

const keyOf = ({ apiVersion, kind, metadata }: KubernetesObject): string =>
  `${apiVersion.replace(/\/?[^/]*$/, "")} ${kind} ${metadata.namespace ?? ""} ${metadata.name ?? ""}`;

// Names may have got a prefix, a suffix or a hash on the way.
const lineIn = (
  sources: Map<string, Manifest>,
  file: string,
  { kind, metadata }: KubernetesObject,
): number | undefined => {
  const there = [...sources.values()].filter((each) => each.file === file && each.object.kind === kind);
  const name = metadata.name ?? "";
  return (
    there.find(({ object }) => object.metadata.name === name) ??
    there.find(({ object }) => name.includes(object.metadata.name ?? "\0"))
  )?.line;
};

/** Folders below one that have a kustomization of their own. */
const nestedKustomizations = (snapshot: Snapshot, folder: string): string[] =>
  filesBelow(snapshot, folder)
    .filter(({ path }) => (kustomizationNames as readonly string[]).includes(posix.basename(path)))
    .map(({ path }) => posix.dirname(path))
    .filter((each) => each !== (folder || "."));

/** The kustomization that the controller writes where there is none: every YAML file, and folders with one of their own. */
const generated = (snapshot: Snapshot, folder: string): Kustomization => {
  const nested = nestedKustomizations(snapshot, folder);
  const outer = nested.filter((each) => !nested.some((other) => each.startsWith(`${other}/`)));
  const files = filesBelow(snapshot, folder)
    .map(({ path }) => path)
    .filter((path) => /\.ya?ml$/.test(path) && !outer.some((each) => path.startsWith(`${each}/`)));
  const resources = [...files, ...outer].sort().map((path) => posix.relative(folder || ".", path));
  if (resources.length === 0) throw new RenderError(snapshot, `there are no manifests in ${folder || "it"}`);
  return { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
};

// As the controller does it: what the app says wins over what the kustomization says of the same image.
const merged = (declared: unknown, images: Readonly<Record<string, string>>): unknown[] => {
  const before = list(declared) as { name?: string }[];
  const own = Object.entries(images).map(([name, wanted]) => ({
    name,
    ...(wanted.startsWith("sha256:") ? { digest: wanted } : { newTag: wanted }),
  }));
  const replaced = before.map((each) => {
    const { newTag: _, digest: __, ...rest } = each as Record<string, unknown>;
    const wanted = own.find(({ name }) => name === each.name);
    return wanted ? { ...rest, ...wanted } : each;
  });
  return [...replaced, ...own.filter(({ name }) => !before.some((each) => each.name === name))];
};

// The value is YAML: "path: ../base/web.yaml", or "configuredIn: kustomization.yaml" for what was generated.
const originOf = (object: KubernetesObject, stays: boolean): { told: string | undefined; kept: KubernetesObject } => {
  const { annotations = {}, ...metadata } = object.metadata as KubernetesObject["metadata"] & {
    annotations?: Record<string, string>;
  };
  const { [origin]: text = "", ...others } = annotations;
  const told = /^(?:path|configuredIn): (.+)$/m.exec(text)?.[1];
  const left = stays ? annotations : others;
  const kept = { ...metadata, ...(Object.keys(left).length > 0 && { annotations: left }) };
  return { told, kept: { ...object, metadata: kept } };
};

// Kustomize names files by their path on this machine, often several times around the one that is wrong.
const explained = (snapshot: Snapshot, said: string, place: string, file: string | undefined): RenderError => {
  const inside = said.replaceAll(`/private${place}`, place).replaceAll(`${place}/`, "").replaceAll(place, ".");
  const reason = inside
    .replace(/^Error: /, "")
    .split("\n")
    .filter(Boolean)
    .join("; ");
  const named = [...reason.matchAll(/[\w@./-]+\.ya?ml/g)]
    .map(([path]) => path)
    .findLast((path) => snapshot.entries.has(path));
  const [, line] = /line (\d+)/.exec(reason) ?? [];
  return new RenderError(snapshot, reason, named ?? file, named && line ? Number(line) : undefined);
};
