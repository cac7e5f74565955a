// `plumbline diff`: what would another commit change in the cluster, and is it allowed? Nothing is asked of the cluster.
import { resolve as absolute } from "node:path";
import { closureOf, filesBelow, missing, RenderError } from "../components/delivery/closure.ts";
import { configured } from "../components/delivery/configured.ts";
import { isArtifact } from "../components/delivery/credentials.ts";
import type { AppDeclaration, AppsDeclaration } from "../components/delivery/declaration.ts";
import { appsOf, folderOf, kindOf } from "../components/delivery/discover.ts";
import { type Remotes, remotesOf } from "../components/delivery/remotes.ts";
import {
  type Irreproducible,
  type Rendering,
  type RenderRequest,
  type Repeated,
  render,
  renderingKey,
  requestOf,
} from "../components/delivery/render.ts";
import { openRepository, reachable, type Snapshot } from "../components/delivery/repository.ts";
import { type RenderingAgent, renderingAgentOf, seenBy } from "../components/delivery/seen.ts";
import type { Definition, Layers, Revision } from "../components/index.ts";
import { type Source, sourceOf } from "../components/settings.ts";
import { stateFolder } from "../engine/folders.ts";
import { judgeRendered } from "../policies/check.ts";
import type { Judge } from "../policies/judge.ts";
import type { Exemption } from "../policies/rule.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { changesBetween, type ObjectChange } from "./app-changes.ts";
import { type Output, reportOf } from "./diff-report.ts";
import { exit, Failure } from "./failure.ts";
import { selectedStack } from "./pulumi.ts";
import { needHelm, openRenderers, renderFailure } from "./renderers.ts";

export interface DiffOptions {
  readonly stack?: string;
  readonly from?: string;
  readonly to?: string;
  readonly repository?: string;
  readonly output: Output;
}

/** What happens to one app. */
export interface AppDiff {
  readonly app: string;
  /** Full hashes. */
  readonly from: string;
  readonly to: string;
  readonly changes: readonly ObjectChange[];
  /** Rules that objects break at `to`, among those that differ. */
  readonly violations: readonly { readonly object: string; readonly place: string; readonly message: string }[];
  /** Templates that may give something else the next time: a difference in them need be none. */
  readonly irreproducible: readonly Irreproducible[];
  /** Objects that stand more than once at `to`, of which the agent takes the last. */
  readonly repeated?: readonly Repeated[];
}

/** Prints what differs; the exit code is 2 when something does. */
export const diff = async (app: string | undefined, options: DiffOptions): Promise<void> => {
  const state = stateFolder();
  const stack = options.stack ?? (await selectedStack(state)) ?? "local";
  const definition = await loadStack(stack);
  const judge = await openRenderers(state, stack);
  try {
    const found = await diffsOf(definition, app, options, judge);
    process.stdout.write(reportOf(found, options.output));
    if (found.some(({ changes }) => changes.length > 0)) process.exitCode = exit.differences;
  } finally {
    judge.close();
  }
};

/**
 * What happens to one app of a stack, or to each.
 *
 * @throws Failure when there is no such app, or one of its commits cannot be read or rendered
 */
export const diffsOf = async (
  { settings, layers }: Definition,
  app: string | undefined,
  revisions: Pick<DiffOptions, "from" | "to" | "repository">,
  judge: Judge,
): Promise<AppDiff[]> => {
  const agent = renderingAgentOf(layers);
  const opened = new Map<string, Promise<readonly [Snapshot, Snapshot]>>();
  const between = (source: Parameters<typeof sourceOf>[1]) => {
    const { url, revision, credentials } = sourceOf(settings, source);
    const key = JSON.stringify([url, revision]);
    const known = opened.get(key) ?? openBoth({ url, revision, credentials }, revisions, agent);
    opened.set(key, known);
    return known;
  };
  try {
    const wanted = settings.apps.filter((each) => isCompared(settings, each, app, revisions.from));
    const apps = (await Promise.all(wanted.map((each) => pairsOf(each, between)))).flat();
    const chosen = app === undefined ? apps : apps.filter(({ declared }) => declared.name === app);
    if (app !== undefined && chosen.length === 0) {
      throw new Failure(
        "NO_APP",
        `There is no app "${app}". There are: ${apps.map(({ declared }) => declared.name).join(", ")}`,
        {
          wayOut: "name one of these",
        },
      );
    }
    if (chosen.some(isChart)) await needHelm(agent);
    return await Promise.all(
      chosen.map((each) => diffOf({ ...each, agent, layers }, settings.exemptions ?? [], judge)),
    );
  } catch (error) {
    throw renderFailure(error, "mend what is named, commit it, and compare with that commit");
  } finally {
    for (const both of await Promise.allSettled(opened.values()))
      if (both.status === "fulfilled") await Promise.all(both.value.map(({ close }) => close()));
  }
};

/** An app at two commits. */
interface Pair {
  readonly declared: AppDeclaration;
  readonly before: Snapshot;
  readonly after: Snapshot;
}

const openBoth = async (
  { url, revision: followed, credentials: given }: Pick<Source, "url" | "revision" | "credentials">,
  { from, to, repository }: Pick<DiffOptions, "from" | "to" | "repository">,
  agent: RenderingAgent,
): Promise<readonly [Snapshot, Snapshot]> => {
  if (isArtifact(url)) {
    if (from === undefined)
      throw new Failure("NOT_RENDERED", `Which artifact of ${url} came before, its registry does not say.`, {
        wayOut: "name what to compare with: --from TAG, or --from sha256:…",
      });
    const credentials = configured(given);
    const open = async (revision: Revision) => seenBy(await openRepository(url, revision, { credentials }), agent);
    return [await open(artifactOf(from)), await open(to === undefined ? followed : artifactOf(to))];
  }
  const place = repository ? absolute(repository) : reachable(url);
  const after = await openRepository(place, to === undefined ? followed : { commit: to });
  const before = await openRepository(place, { commit: from ?? `${after.commit}~1` });
  return [await seenBy(before, agent), await seenBy(after, agent)];
};

const artifactOf = (name: string): Revision => (name.startsWith("sha256:") ? { digest: name } : { tag: name });

// Which artifact came before another no registry says: such an app is compared where it is named.
const isCompared = (
  settings: Definition["settings"],
  each: AppDeclaration | AppsDeclaration,
  app: string | undefined,
  from: string | undefined,
): boolean => {
  if (each.declared === "apps")
    return !isArtifact(sourceOf(settings, each).url) || (app !== undefined && from !== undefined);
  return !isArtifact(sourceOf(settings, each.source).url) || each.name === app;
};

// Which apps a directory holds may differ between the two: those of both are told.
const pairsOf = async (
  each: AppDeclaration | AppsDeclaration,
  between: (source: Parameters<typeof sourceOf>[1]) => Promise<readonly [Snapshot, Snapshot]>,
): Promise<Pair[]> => {
  if (each.declared === "app") {
    const [before, after] = await between(each.source);
    return [{ declared: each, before, after }];
  }
  const [before, after] = await between(each);
  const parent = folderOf(each.path.slice(0, -1));
  const there = [before, after].filter((snapshot) => filesBelow(snapshot, parent).length > 0);
  const found = new Map(
    there.flatMap((snapshot) => appsOf(each, snapshot)).map(({ kind: _, ...declared }) => [declared.name, declared]),
  );
  const stated = each.kind === undefined ? {} : { kind: each.kind };
  return [...found.values()].map((declared) => ({ declared: { ...declared, ...stated }, before, after }));
};

const hasFiles = (snapshot: Snapshot, { source }: AppDeclaration): boolean =>
  filesBelow(snapshot, folderOf(source.path)).length > 0;

const isChart = ({ declared, before, after }: Pair): boolean =>
  [before, after].some(
    (each) => hasFiles(each, declared) && (declared.kind ?? kindOf(each, declared.source.path)) === "helm",
  );

const diffOf = async (
  { declared, before, after, agent, layers }: Pair & { readonly agent: RenderingAgent; readonly layers: Layers },
  exemptions: readonly Exemption[],
  judge: Judge,
): Promise<AppDiff> => {
  const { name: app, namespace = app } = declared;
  const hashes = { app, from: before.commit, to: after.commit };
  if (!hasFiles(after, declared)) {
    const reason = missing(after, folderOf(declared.source.path));
    // What was there before goes with its folder; what never was, or is no folder now, nobody delivers.
    if (!hasFiles(before, declared) || reason instanceof RenderError) throw reason;
  }
  const renderer = declared.model === "push" ? ("flux" as const) : agent;
  const by = { agent: renderer, remotes: remotesOf(layers, declared.model) };
  const keys = [await refuseBefore(() => keyAt(before, declared, by)), await keyAt(after, declared, by)];
  if (keys[0] === keys[1]) {
    return { ...hashes, changes: [], violations: [], irreproducible: [] };
  }
  // What was there before is upgraded; what comes with this commit is installed.
  const how = { ...by, upgrade: hasFiles(before, declared) };
  const [old, now] = await Promise.all([
    refuseBefore(() => renderAt(before, declared, how)),
    renderAt(after, declared, how),
  ]);
  const changes = changesBetween(old.objects, now.objects, namespace);
  const touched = new Set(changes.map(({ place, object }) => `${place} ${object}`));
  const violations: AppDiff["violations"][number][] = [];
  for (const rendered of now.objects) {
    for (const { place, object, message } of await judgeRendered(judge, rendered, { exemptions, namespace })) {
      const at = place.replace(/: $/, "");
      if (touched.has(`${at} ${object}`)) violations.push({ object, place: at, message });
    }
  }
  const { irreproducible, repeated } = now;
  return { ...hashes, changes, violations, irreproducible, ...(repeated && { repeated }) };
};

// A commit that mends another is compared with what runs, which is an earlier one.
const refuseBefore = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    throw new Failure("NOT_RENDERED", error.message, {
      wayOut: "it is the commit to compare with: name the last one that was delivered, --from COMMIT",
      cause: error,
    });
  }
};

/** What decides the rendering of an app at a commit; nothing where its folder is not there. */
const keyAt = async (
  snapshot: Snapshot,
  declared: AppDeclaration,
  { agent, remotes }: { readonly agent: RenderingAgent; readonly remotes: Remotes },
): Promise<string> => {
  if (!hasFiles(snapshot, declared)) return "";
  const kind = declared.kind ?? kindOf(snapshot, declared.source.path);
  const closure = await closureOf(snapshot, declared.source.path, kind, { remotes, agent });
  return renderingKey({ ...requestOf(declared), kind }, closure);
};

const renderAt = async (
  snapshot: Snapshot,
  declared: AppDeclaration,
  how: Partial<RenderRequest>,
): Promise<Rendering> =>
  hasFiles(snapshot, declared)
    ? render(snapshot, { ...requestOf(declared), ...how })
    : { commit: snapshot.commit, objects: [], irreproducible: [] };
