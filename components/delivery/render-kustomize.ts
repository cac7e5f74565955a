// What does kustomize-controller make of a folder? The same build, with the kustomization that it writes into the folder.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { type Closure, documentOf, lineOf, nestedKustomizations, RenderError } from "./closure.ts";
import { folderOf, kustomizationNames, pathIn } from "./discover.ts";
import { type KubernetesObject, type Manifest, objectsOf, readDocuments } from "./manifests.ts";
import { shownPath, withPlaces } from "./remote-files.ts";
import type { RenderedObject, Rendering, RenderRequest } from "./render.ts";
import { RendererFailure, withFiles } from "./render-program.ts";
import type { Snapshot } from "./repository.ts";
import { lineIn, plainIn, readSources, type Sources } from "./sources.ts";

type Kustomization = Record<string, unknown>;

/** Annotation by which Kustomize tells where an object comes from. */
const origin = "config.kubernetes.io/origin";

/** Renders a kustomization, and plain YAML as Flux does, which makes one of it. */
export const renderKustomization = async (
  snapshot: Snapshot,
  closure: Closure,
  { path, namespace, images = {}, agent = "flux" }: RenderRequest,
): Promise<Omit<Rendering, "commit">> => {
  const folder = folderOf(path);
  const file = kustomizationNames.map((name) => pathIn(folder, name)).find((each) => closure.has(each));
  const nested = file ? [] : nestedKustomizations(snapshot, folder);
  const sources = await readSources(snapshot, closure, { plain: file ? () => false : plainIn(nested) });
  const own = file && closure.get(file);
  const declared = own
    ? withPlaces((await documentOf(snapshot, own.path)).value as Kustomization, own)
    : generated(closure, folder, nested);
  const told = list(declared.buildMetadata).includes("originAnnotations");
  // Flux asks for the origin, too, where a kustomization names no resources.
  const stays = told || (agent === "flux" && file !== undefined && list(declared.resources).length === 0);
  const written: Kustomization = {
    ...declared,
    namespace,
    images: merged(declared.images, images),
    buildMetadata: [...list(declared.buildMetadata), ...(told ? [] : ["originAnnotations"])],
  };
  const output = await withFiles(snapshot, closure, async ({ folder: place, run }) => {
    const target = join(place, file ?? pathIn(folder, "kustomization.yaml"));
    await rm(target, { force: true });
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, JSON.stringify(written));
    // Argo CD keeps Kustomize's own rule: a file lies in or below the folder of the kustomization that names it.
    const restrictor = agent === "flux" ? ["--load-restrictor=LoadRestrictionsNone"] : [];
    return run("kustomize", ["build", ...restrictor, folder || "."]).catch(async (error: unknown) => {
      if (!(error instanceof RendererFailure)) throw error;
      throw explained(snapshot, error.message, {
        place,
        file,
        text: file && (await documentOf(snapshot, file)).text,
        sources,
      });
    });
  });
  const objects = readDocuments(output, "the output of kustomize").flatMap(({ value }): RenderedObject[] => {
    const { told: from, kept } = originOf(value as KubernetesObject, stays);
    const source = from && posix.normalize(posix.join(folder || ".", from));
    const line = source ? lineIn(sources, source, kept) : undefined;
    const refused = (reason: string) => new RenderError(snapshot, reason, source ?? file, line);
    return objectsOf(kept, refused).map((object) => ({
      object,
      ...(source && { file: shownPath(source) }),
      ...(line ? { line } : {}),
    }));
  });
  return { objects, irreproducible: [] };
};

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The kustomization that the controller writes where there is none: every YAML file, and folders with one of their own. */
const generated = (closure: Closure, folder: string, nested: readonly string[]): Kustomization => {
  const files = [...closure.keys()].filter((path) => plainIn(nested)(path) && path.startsWith(folder && `${folder}/`));
  const resources = [...files, ...nested].sort().map((path) => posix.relative(folder || ".", path));
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
  const { annotations, ...metadata } = object.metadata as KubernetesObject["metadata"] & {
    annotations?: Record<string, string>;
  };
  const { [origin]: text = "", ...others } = annotations ?? {};
  const told = /^(?:path|configuredIn): (.+)$/m.exec(text)?.[1];
  const left = (stays ? annotations : others) ?? {};
  const kept = { ...metadata, ...(Object.keys(left).length > 0 && { annotations: left }) };
  return { told, kept: { ...object, metadata: kept } };
};

interface Failed {
  /** Folder in which it ran. */
  readonly place: string;
  /** The kustomization of the app, where it has one, and what that says. */
  readonly file: string | undefined;
  readonly text: string | undefined;
  readonly sources: Sources;
}

// Kustomize names files by their path on this machine, often several times around the one that is wrong; or an object alone.
const explained = (snapshot: Snapshot, said: string, { place, file, text = "", sources }: Failed): RenderError => {
  const inside = said.replaceAll(`/private${place}`, place).replaceAll(`${place}/`, "").replaceAll(place, ".");
  const reason = inside
    .replace(/(\.\.\/)*\.plumbline-remote\//g, "")
    .replace(/^Error: /, "")
    .split("\n")
    .filter(Boolean)
    .join("; ");
  const object = namedIn(reason, sources);
  if (object) return new RenderError(snapshot, reason, object.file, object.line);
  const [, field] = /unknown field "([^"]+)"/.exec(reason) ?? [];
  if (field && file) return new RenderError(snapshot, reason, file, lineOf(text, field));
  const named = [...reason.matchAll(/[\w@./-]+\.ya?ml/g)]
    .map(([path]) => path)
    .findLast((path) => snapshot.entries.has(path));
  const [, line] = /line (\d+)/.exec(reason) ?? [];
  return new RenderError(snapshot, reason, named ?? file, named && line ? Number(line) : undefined);
};

/** The object that Kustomize's words are about: "ConfigMap.v1.[noGrp]/web.[noNs]". */
const namedIn = (reason: string, { found }: Sources): Manifest | undefined => {
  const [, kind, name] = /([A-Z]\w+)\.v\w+\.\S+\/([\w.-]+)\.(?:\[noNs\]|[\w-]+)/.exec(reason) ?? [];
  return found.findLast(({ object }) => object.kind === kind && object.metadata.name === name);
};
