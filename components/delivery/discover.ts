// Which apps does a stack have, and what are their files? What only Git can tell, asked once before a stack is built.
import { AppKind, revisionName } from "../agent/agent.ts";
import type { Definition } from "../platform.ts";
import { type Problem, refuse } from "../problems.ts";
import { provisionProblems } from "../provisions.ts";
import { type Source, settingsProblems, singleApps, sourceOf } from "../settings.ts";
import { kindProblems } from "./app.ts";
import { missing } from "./closure.ts";
import { configured } from "./configured.ts";
import { type AppDeclaration, type AppsDeclaration, app } from "./declaration.ts";
import { render, requestOf } from "./render.ts";
import { openRepository, type Snapshot, SourceError } from "./repository.ts";

/** File names by which a folder is for Kustomize, in the order in which Kustomize looks for them. */
export const kustomizationNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"] as const;

/** The path of a folder as Git has it: without `./` before and `/` behind; empty for the root. */
export const folderOf = (path: string): string => path.replace(/^(\.?\/)+/, "").replace(/\/+$|^\.$/g, "");

/** The path of something in a folder. */
export const pathIn = (folder: string, name: string): string => (folder ? `${folder}/${name}` : name);

/**
 * What the files of a folder are.
 *
 * @throws SourceError when there is no such folder
 */
export const kindOf = (snapshot: Snapshot, path: string): AppKind => {
  const { entries } = snapshot;
  const folder = folderOf(path);
  if (entries.has(pathIn(folder, "Chart.yaml"))) return AppKind.Helm;
  if (kustomizationNames.some((name) => entries.has(pathIn(folder, name)))) return AppKind.Kustomize;
  const found = [...entries.keys()].some((each) => !folder || each.startsWith(`${folder}/`));
  if (!found) throw missing(snapshot, folder);
  return AppKind.Yaml;
};

/** Opens each repository and revision once. */
export const snapshots = (local?: string) => {
  const opened = new Map<string, Promise<Snapshot>>();
  return {
    open: ({ url, revision, credentials }: Source): Promise<Snapshot> => {
      const key = `${url} ${Object.keys(revision)[0]} ${revisionName(revision)}`;
      const known = opened.get(key) ?? openRepository(url, revision, { local, credentials: configured(credentials) });
      opened.set(key, known);
      return known;
    },
    close: async (): Promise<void> => {
      await Promise.allSettled([...opened.values()].map(async (each) => (await each).close()));
    },
  };
};

/**
 * The definition with one app for each folder of `apps()`, with the kind of each app that states none, and with what Pulumi
 * is to apply of those whose model is "push". Git is asked only where there is something to ask.
 *
 * @param local folder of repositories on this machine; default: `PLUMBLINE_REPOSITORIES`
 * @throws SourceError when a repository cannot be read
 * @throws InvalidDeclaration when the whole is no platform: two apps of one name, a dependency that is not there
 */
export const discover = async (definition: Definition, local?: string): Promise<Definition> => {
  const { settings, layers } = definition;
  const sources = snapshots(local);
  try {
    const found = await Promise.all(
      settings.apps.map(async (declared): Promise<AppDeclaration[]> => {
        if (declared.declared === "apps") {
          return appsOf(declared, await sources.open(sourceOf(settings, declared)));
        }
        if (declared.kind) return [declared];
        const kind = kindOf(await sources.open(sourceOf(settings, declared.source)), declared.source.path);
        return [{ ...declared, kind }];
      }),
    );
    const whole = { ...settings, apps: found.flat() };
    const pushed = singleApps(whole).filter(({ model }) => model === "push");
    refuse("platform", [
      ...settingsProblems(whole),
      ...provisionProblems(singleApps(whole), layers),
      ...whole.apps.flatMap((each): Problem[] => kindProblems(each, `settings.apps.${each.name}.`)),
    ]);
    const renderings = await Promise.all(
      pushed.map(async (each) => {
        const rendering = await render(await sources.open(sourceOf(settings, each.source)), requestOf(each));
        return [each.name, rendering] as const;
      }),
    );
    return { settings: whole, layers, ...(pushed.length > 0 && { pushed: new Map(renderings) }) };
  } finally {
    await sources.close();
  }
};

/** The apps of a directory at one commit. @throws SourceError where there are none */
export const appsOf = (
  { declared: _, path, repository, credentials, verify, revision, ...common }: AppsDeclaration,
  snapshot: Snapshot,
): AppDeclaration[] => {
  const parent = folderOf(path.slice(0, -1));
  const depth = parent ? parent.split("/").length : 0;
  const names = new Set(
    [...snapshot.entries.keys()]
      .filter((each) => !parent || each.startsWith(`${parent}/`))
      .map((each) => each.split("/"))
      .filter((steps) => steps.length > depth + 1 && !steps[depth]?.startsWith("."))
      .map((steps) => steps[depth] ?? ""),
  );
  if (names.size === 0) {
    throw new SourceError(`${snapshot.url} has no folders ${path} at commit ${snapshot.commit.slice(0, 12)}`);
  }
  return [...names].sort().map((name) => {
    const source = {
      path: pathIn(parent, name),
      ...(repository !== undefined && { repository }),
      ...(credentials !== undefined && { credentials }),
      ...(verify !== undefined && { verify }),
      ...(revision !== undefined && { revision }),
    };
    return app({ ...common, name, source, kind: common.kind ?? kindOf(snapshot, source.path) });
  });
};
