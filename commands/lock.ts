// `plumbline lock`: what do apps name outside of their repository, and what is it now? Writes it beside the stack.
import { readFile, rm, writeFile } from "node:fs/promises";
import { resolve as absolute, relative } from "node:path";
import { closureOf, RenderError } from "../components/delivery/closure.ts";
import type { AppDeclaration } from "../components/delivery/declaration.ts";
import { appsOf, kindOf, snapshots } from "../components/delivery/discover.ts";
import { type Lock, lockText, readLock } from "../components/delivery/lock.ts";
import { recordingRemotes } from "../components/delivery/recording.ts";
import { remotesOf } from "../components/delivery/remotes.ts";
import { rendererVariables } from "../components/delivery/render-program.ts";
import { openRepository, reachable, type Snapshot } from "../components/delivery/repository.ts";
import { helmOf, renderingAgentOf, seenBy } from "../components/delivery/seen.ts";
import { AppKind, type Definition } from "../components/index.ts";
import { sourceOf } from "../components/settings.ts";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { resolve } from "../engine/resolve.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { exit, Failure } from "./failure.ts";
import { selectedStack } from "./pulumi.ts";
import { findRemotes, lockFileOf } from "./remotes.ts";
import { implementationsOf } from "./stack-layers.ts";

export interface LockOptions {
  readonly stack?: string;
  /** Clone of the app's repository. Default: where its source is. */
  readonly repository?: string;
  /** Commit, tag or branch of it. Default: the one that the agent follows. */
  readonly to?: string;
  /** Write nothing; the exit code says whether something would be written. */
  readonly check: boolean;
  /** Ask the cluster what it is able to: with its kubeconfig, or that of the platform. Default: what is known stays. */
  readonly cluster?: string | boolean;
  /** Drop what no app names any more. */
  readonly prune: boolean;
}

/** Writes the lock file of a stack, or says what it would write. */
export const lock = async (app: string | undefined, options: LockOptions): Promise<void> => {
  const state = stateFolder();
  const stack = options.stack ?? (await selectedStack(state)) ?? "local";
  const definition = await loadStack(stack);
  findRemotes(stack);
  process.env.PLUMBLINE_REPOSITORIES ||= stateLayout(state).git;
  if (implementationsOf(definition).includes(AppKind.Helm)) {
    const helm = helmOf[renderingAgentOf(definition.layers)];
    process.env[rendererVariables.helm] ||= (await resolve([helm])).get(helm)?.path ?? "";
  }
  const file = process.env.PLUMBLINE_LOCK ?? lockFileOf(stack);
  const known = await readLock(file);
  const { found, moving } = await namedBy(definition, app, options);
  const kubeconfig = options.cluster === true ? stateLayout(state).kubeconfig.developer : options.cluster;
  const cluster = kubeconfig ? await capabilitiesOf(kubeconfig) : known.cluster;
  const named = options.prune && app === undefined ? found : merged(known, found);
  const wanted = { ...named, ...(cluster && { cluster }) };
  for (const each of moving) process.stderr.write(`${each}\n`);
  process.stdout.write(changesOf(known, wanted));
  const text = lockText(wanted);
  const shown = relative(process.cwd(), file);
  const before = await readFile(file, "utf8").catch(() => "");
  if (text === before) return void process.stdout.write(`${shown} is as it should be.\n`);
  if (options.check) {
    process.stdout.write(`${shown} is out of date. To write it: plumbline lock\n`);
    process.exitCode = exit.differences;
    return;
  }
  if (text === "") await rm(file, { force: true });
  else await writeFile(file, text);
  process.stdout.write(`${shown} was written: commit it.\n`);
};

/**
 * What the apps of a stack name outside of their repository, as it is now.
 *
 * @throws Failure when there is no such app, or something that it names can't be had
 */
export const namedBy = async (
  definition: Definition,
  app: string | undefined,
  { repository, to }: Pick<LockOptions, "repository" | "to">,
): Promise<{ readonly found: Lock; readonly moving: readonly string[] }> => {
  const { settings, layers } = definition;
  const { remotes, result } = recordingRemotes();
  const sources = snapshots();
  const open = async (source: Parameters<typeof sourceOf>[1]): Promise<Snapshot> => {
    const asked = sourceOf(settings, source);
    if (!repository && !to) return sources.open(asked);
    const place = repository ? absolute(repository) : reachable(asked.url);
    return openRepository(place, to ? { commit: to } : asked.revision);
  };
  try {
    const apps: AppDeclaration[] = [];
    for (const each of settings.apps) apps.push(...(each.declared === "app" ? [each] : appsOf(each, await open(each))));
    const chosen = apps.filter(({ name }) => app === undefined || name === app);
    if (chosen.length === 0) {
      throw new Failure("NO_APP", `There is no app "${app}". There are: ${apps.map(({ name }) => name).join(", ")}`, {
        wayOut: "name one of these",
      });
    }
    for (const { source, kind, model } of chosen) {
      const agent = model === "push" ? ("flux" as const) : renderingAgentOf(layers);
      const snapshot = await seenBy(await open(source), agent);
      const through = remotesOf(layers, model, remotes);
      await closureOf(snapshot, source.path, kind ?? kindOf(snapshot, source.path), { remotes: through, agent });
    }
    return await result();
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    throw new Failure("NOT_LOCKED", error.message, {
      wayOut: "make it reachable from here without a password, or commit what it holds",
      cause: error,
    });
  } finally {
    await sources.close();
  }
};

const keys = {
  bases: ({ repository, ref }: Lock["bases"][number]) => `${repository}?ref=${ref}`,
  files: ({ url }: Lock["files"][number]) => url,
  charts: ({ repository, name, asked }: Lock["charts"][number]) => `${repository} ${name} ${asked}`,
};

/** What was found in the place of what was known. What one commit names and another doesn't stays: both are compared. */
const merged = (known: Lock, found: Lock): Lock => {
  const both = <T>(was: readonly T[], is: readonly T[], key: (entry: T) => string): T[] => [
    ...was.filter((each) => !is.some((other) => key(other) === key(each))),
    ...is,
  ];
  return {
    bases: both(known.bases, found.bases, keys.bases),
    files: both(known.files, found.files, keys.files),
    charts: both(known.charts, found.charts, keys.charts),
  };
};

/** A line for each entry that is new, other, or gone. */
const changesOf = (was: Lock, is: Lock): string => {
  const entries = ({ bases, files, charts, cluster }: Lock): Map<string, string> =>
    new Map([
      ...bases.map((each) => [keys.bases(each), each.commit] as const),
      ...files.map((each) => [keys.files(each), `sha256 ${each.sha256}`] as const),
      ...(cluster
        ? [["the cluster", `${cluster.kubeVersion}, ${cluster.apiVersions.length} versions and kinds`] as const]
        : []),
      ...charts.map((each) => [keys.charts(each), `${each.version}, sha256 ${each.sha256}`] as const),
    ]);
  const [before, after] = [entries(was), entries(is)];
  const lines = [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === now) return [];
    if (now === undefined) return [`- ${name}`];
    return [old === undefined ? `+ ${name}: ${now}` : `~ ${name}: ${now}, was ${old}`];
  });
  return lines.map((line) => `${line}\n`).join("");
};
