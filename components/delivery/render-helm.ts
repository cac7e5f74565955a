// What does helm-controller make of a chart? The objects of its templates, and where in them something is wrong.
import { cp, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { assumedIn, irreproducibleIn } from "./chart-functions.ts";
import { type Closure, contentsOf, dependenciesOf, inRepository, RenderError } from "./closure.ts";
import { folderOf, pathIn } from "./discover.ts";
import { readManifests } from "./manifests.ts";
import type { RenderedObject, Rendering, RenderRequest } from "./render.ts";
import { placed } from "./render-directory.ts";
import { RendererFailure, withFiles } from "./render-program.ts";
import type { Snapshot } from "./repository.ts";

/** Name of the file with the values of the app, beside the repository's files. */
const ownValues = ".plumbline-values.json";

/** Renders a chart for its first installation or an upgrade: with the kinds that it brings, without its tests. */
export const renderChart = async (
  snapshot: Snapshot,
  closure: Closure,
  { name, namespace, path, values = {}, valuesFiles = [], upgrade = false, capabilities }: RenderRequest,
): Promise<Omit<Rendering, "commit">> => {
  const folder = folderOf(path);
  for (const each of valuesFiles) {
    if (closure.has(pathIn(folder, each))) continue;
    const reason = `valuesFiles names ${each}, which is not there: commit it, or correct valuesFiles of the app`;
    throw new RenderError(snapshot, reason, pathIn(folder, "Chart.yaml"));
  }
  const output = await withFiles(snapshot, closure, async ({ folder: place, run }) => {
    await putBeside(snapshot, folder, place);
    await writeFile(join(place, ownValues), JSON.stringify(values));
    const files = [...valuesFiles.map((each) => pathIn(folder, each)), ownValues].flatMap((each) => ["--values", each]);
    const chart = `./${folder}`;
    const args = ["template", name, chart, "--namespace", namespace, "--include-crds", "--skip-tests", ...files];
    if (upgrade) args.push("--is-upgrade");
    if (capabilities) {
      args.push("--kube-version", capabilities.kubeVersion);
      for (const version of capabilities.apiVersions) args.push("--api-versions", version);
    }
    return run("helm", args).catch((error: unknown) => {
      throw error instanceof RendererFailure ? explained(snapshot, error.message, folder) : error;
    });
  });
  const texts = await contentsOf(
    snapshot,
    [...closure.values()].filter(({ path: each }) => /(^|\/)templates\//.test(each)),
  );
  const irreproducible = [...texts].flatMap(([file, bytes]) => [
    ...irreproducibleIn(bytes.toString(), file),
    ...(capabilities ? [] : assumedIn(bytes.toString(), file)),
  ]);
  try {
    return { objects: objectsIn(output.toString(), folder, namespace), irreproducible };
  } catch (error) {
    throw inRepository(snapshot, error);
  }
};

// Flux packs charts that are named by `file://` into charts/; Helm itself would have to write into the chart for that.
const putBeside = async (snapshot: Snapshot, folder: string, place: string): Promise<void> => {
  for (const { name, repository } of await dependenciesOf(snapshot, folder)) {
    if (!repository.startsWith("file://")) continue;
    const beside = posix.normalize(posix.join(folder, repository.slice("file://".length)));
    await putBeside(snapshot, beside, place);
    await cp(join(place, beside), join(place, folder, "charts", name), { recursive: true });
  }
};

/** The objects of an output, document by document: Helm says before each which template it is of. */
const objectsIn = (output: string, folder: string, namespace: string): RenderedObject[] => {
  const parts = output.split(/^---\n# Source: (.+)\n/m).slice(1);
  const objects: RenderedObject[] = [];
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const file = inChart(parts[index] ?? "", folder);
    for (const { object } of readManifests(Buffer.from(parts[index + 1] ?? ""), file)) {
      const annotations = (object.metadata as { annotations?: Record<string, string> }).annotations ?? {};
      const hook = annotations["helm.sh/hook"];
      // Helm sends what names no namespace to that of the release.
      objects.push({ object: placed(object, namespace), file, ...(hook && { hook }) });
    }
  }
  return objects;
};

/** A path as Helm names it, by the name of the chart, as it is in the repository. */
const inChart = (path: string, folder: string): string => pathIn(folder, path.replace(/^[^/]+\//, ""));

const explained = (snapshot: Snapshot, said: string, folder: string): RenderError => {
  const reason = said
    .replace(/^Error: /, "")
    .split("\n")
    .filter(Boolean)
    .join("; ");
  const schema = /values don't meet the specifications of the schema/.test(reason);
  const places = [...reason.matchAll(/([\w.-]+\/(?:[\w.-]+\/)*[\w.-]+\.(?:ya?ml|tpl|txt)):(\d+)/g)];
  // The last place is the innermost one, where the fault stands.
  const [, path, line] = places.at(-1) ?? /([\w.-]+\/(?:[\w.-]+\/)*[\w.-]+\.(?:ya?ml|tpl|txt)): /.exec(reason) ?? [];
  if (schema) return new RenderError(snapshot, reason, pathIn(folder, "values.schema.json"));
  if (path) return new RenderError(snapshot, reason, inChart(path, folder), line ? Number(line) : lineSaid(reason));
  return new RenderError(snapshot, reason, pathIn(folder, "Chart.yaml"));
};

const lineSaid = (reason: string): number | undefined => Number(/line (\d+)/.exec(reason)?.[1]) || undefined;
