// Which layer implementations does a stack use? Programs, images and definitions of kinds are chosen by them.
import { definitionSources, definitionsIn } from "../components/definition-sources.ts";
import type { Definition } from "../components/index.ts";
import { crds } from "../engine/crds.ts";
import { isNeeded } from "../engine/programs.ts";
import { loadStack } from "../stacks/shared/load.ts";

/** The words of the layers: ["flux", "prometheus"]. */
export const implementationsOf = ({ layers }: Definition): string[] =>
  Object.values(layers).map(({ implementation }) => implementation);

/**
 * Those of a stack by its name. Empty where its file does not load: one that needs Pulumi's configuration is read by
 * Pulumi alone, and one that is wrong is reported, with its line, by the checks that come before any change.
 */
export const implementationsOfStack = async (stack: string): Promise<string[]> =>
  loadStack(stack).then(implementationsOf, () => []);

/** Folder with the definitions of the kinds of these implementations, and of those that every platform has. */
export const definitionsFor = (implementations: readonly string[]): Promise<string> =>
  crds({ sources: definitionSources.filter((source) => isNeeded(source, implementations)), definitionsIn });
