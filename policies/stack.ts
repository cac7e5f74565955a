// What does the pack have to know of the stack it judges, and which objects are its apps?
import { existsSync } from "node:fs";
import { join } from "node:path";
import { discover, snapshots } from "../components/delivery/discover.ts";
import { remotesOf } from "../components/delivery/remotes.ts";
import { type RenderedObject, render, requestOf } from "../components/delivery/render.ts";
import { renderingAgentOf } from "../components/delivery/seen.ts";
import { definitionIn, stackOf } from "../components/fleet.ts";
import type { Definition } from "../components/platform.ts";
import { singleApps, sourceOf } from "../components/settings.ts";

/** The clone this pack lies in. */
export const clone = join(import.meta.dirname, "..");

/**
 * The definition in `stacks/<name>.ts`; undefined where there is no such file, as in somebody else's project that uses the
 * pack alone.
 *
 * @throws Error that names the file when it declares something wrong
 */
export const definitionOf = async (name: string): Promise<Definition | undefined> => {
  const file = join(clone, "stacks", `${stackOf(name).file}.ts`);
  if (!existsSync(file)) return undefined;
  process.env.PLUMBLINE_LOCK ||= join(clone, "stacks", `${name}.lock.yaml`);
  try {
    const { default: declared } = (await import(file)) as { default: unknown };
    return definitionIn(declared, name);
  } catch (error) {
    throw new Error(`stacks/${stackOf(name).file}.ts: ${(error as Error).message}`, { cause: error });
  }
};

/** An app and the objects that its agent would apply, or why there are none. */
export interface AppObjects {
  readonly app: string;
  readonly namespace: string;
  readonly objects: readonly RenderedObject[];
  /** Why it cannot be rendered, with repository, commit, file and line. */
  readonly problem?: string;
}

/**
 * The objects of each app at the revision that its agent follows.
 *
 * @param local folder with copies of repositories whose URL only the cluster reaches; default: `PLUMBLINE_REPOSITORIES`
 * @throws SourceError where it cannot be told which apps there are
 */
export const objectsOf = async (definition: Definition, local?: string): Promise<AppObjects[]> => {
  const { settings } = await discover(definition, local);
  const sources = snapshots(local);
  const agent = renderingAgentOf(definition.layers);
  try {
    return await Promise.all(
      singleApps(settings).map(async (declared) => {
        const { name: app, namespace = app } = declared;
        try {
          const snapshot = await sources.open(sourceOf(settings, declared.source));
          const request = {
            ...requestOf(declared),
            agent: declared.model === "push" ? ("flux" as const) : agent,
            remotes: remotesOf(definition.layers, declared.model),
          };
          return { app, namespace, objects: (await render(snapshot, request)).objects };
        } catch (error) {
          return { app, namespace, objects: [], problem: (error as Error).message };
        }
      }),
    );
  } finally {
    await sources.close();
  }
};
