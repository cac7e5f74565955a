// Which layers does a stack use, and what follows: programs, images, definitions of kinds, and what `status` shows?
import { definitionSources, definitionsIn } from "../components/definition-sources.ts";
import { AppKind, type Definition } from "../components/index.ts";
import { crds } from "../engine/crds.ts";
import { isNeeded } from "../engine/programs.ts";
import { imagesFor } from "../local/images.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { Failure } from "./failure.ts";
import { type PlatformFile, readPlatformFile, writePlatformFile } from "./platform-file.ts";
import { furnishRegistry } from "./registry.ts";

/** The words of the layers with their parts, and of kinds of apps that need programs: ["flux", "prometheus", "helm"]. */
export const implementationsOf = ({ settings, layers }: Definition): string[] => [
  ...Object.values(layers).flatMap(({ implementation, parts = [] }) => [implementation, ...parts]),
  // What states no kind may be a chart.
  ...(settings.apps.some(({ kind = AppKind.Helm }) => kind === AppKind.Helm) ? [AppKind.Helm] : []),
];

/**
 * Those of a stack by its name. Empty where its file does not load: one that needs Pulumi's configuration is read by
 * Pulumi alone, and one that is wrong is reported, with its line, by the checks that come before any change.
 */
export const implementationsOfStack = async (stack: string): Promise<string[]> =>
  loadStack(stack).then(implementationsOf, () => []);

/** Folder with the definitions of the kinds of these implementations, and of those that every platform has. */
export const definitionsFor = (implementations: readonly string[]): Promise<string> =>
  crds({ sources: definitionSources.filter((source) => isNeeded(source, implementations)), definitionsIn });

/** Names of the images that its nodes must have. */
export const imageNames = (definition: Definition): string[] =>
  imagesFor(implementationsOf(definition)).map(({ name }) => name);

/** What `status` shows of a stack without loading it. */
export const factsOf = ({ settings, layers }: Definition, stack: string): Omit<PlatformFile, "images"> => ({
  platform: settings.name,
  stack,
  branch: settings.git.branch,
  layers: [settings.cluster, ...Object.values(layers)].map((layer) => ({
    slot: layer.slot,
    implementation: layer.implementation,
    version: layer.version ?? "",
    ...(layer.reach ? { scheme: layer.reach.scheme } : {}),
  })),
});

/**
 * The nodes have the images with which they were started: a pod of another one would be waited for in vain.
 *
 * @throws Failure that names the images of the stack that are missing
 */
export const refuseWithoutImages = async (stack: string, state: string): Promise<void> => {
  const facts = await readPlatformFile(state);
  if (!facts?.images) return;
  const wanted = await loadStack(stack).then(imageNames, () => []);
  const missing = wanted.filter((name) => !facts.images.includes(name));
  if (missing.length === 0) return;
  throw new Failure("NO_IMAGE", `The nodes that run lack ${missing.join(", ")}, which stack ${stack} declares now.`, {
    wayOut: `npm stop -- --keep && npm start -- --stack ${stack}`,
  });
};

/** After an `up` the layers may be others than at the start: they are written down, and a registry is made of use. */
export const refreshFacts = async (stack: string, state: string): Promise<void> => {
  const facts = await readPlatformFile(state);
  const definition = await loadStack(stack).catch(() => undefined);
  if (!facts || !definition) return;
  await writePlatformFile(state, { ...facts, ...factsOf(definition, stack) });
  await furnishRegistry(state, definition, Promise.resolve(), AbortSignal.timeout(120_000));
};
