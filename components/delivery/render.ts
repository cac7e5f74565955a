// What would an agent apply of an app at a commit? The objects, with the files that they come from.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppKind } from "../agent/agent.ts";
import { type Closure, closureOf } from "./closure.ts";
import { type ClusterCapabilities, knownCapabilities } from "./cluster-capabilities.ts";
import type { AppDeclaration } from "./declaration.ts";
import { kindOf } from "./discover.ts";
import type { KubernetesObject } from "./manifests.ts";
import { refuseObjects } from "./refused-objects.ts";
import { lockedRemotes, type Remotes } from "./remotes.ts";
import { renderDirectory } from "./render-directory.ts";
import { renderChart } from "./render-helm.ts";
import { renderKustomization } from "./render-kustomize.ts";
import type { Snapshot } from "./repository.ts";
import { type RenderingAgent, seenBy } from "./seen.ts";
import { keyOf } from "./sources.ts";
import { refuseUnfetched } from "./unfetched.ts";

/** An app as it is to be rendered. */
export interface RenderRequest {
  /** Name of the app, and of the release of a chart. */
  readonly name: string;
  readonly namespace: string;
  /** Folder within the repository. */
  readonly path: string;
  /** Default: what the files are. */
  readonly kind?: AppKind;
  /** Values of a chart, over those of its files. Default: none. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Files of values beside the chart, the later over the earlier ones. Default: none. */
  readonly valuesFiles?: readonly string[];
  /** Tag or digest by name of an image. Default: as the manifests say. */
  readonly images?: Readonly<Record<string, string>>;
  /** Whose reading of the files counts. Default: that of Flux, which is Pulumi's own, too. */
  readonly agent?: RenderingAgent;
  /** Whether a release of the chart is there already. Argo CD installs each time. Default: false. */
  readonly upgrade?: boolean;
  /** What a chart finds the cluster to be able to. Default: what the file of `PLUMBLINE_CAPABILITIES` says, else what Helm assumes. */
  readonly capabilities?: ClusterCapabilities;
  /** Where what lies outside of the repository comes from. Default: what the file of `PLUMBLINE_LOCK` says. */
  readonly remotes?: Remotes;
}

/** What of a declared app decides its rendering. */
export const requestOf = ({
  name,
  namespace = name,
  source,
  kind,
  values,
  valuesFiles,
  images,
}: AppDeclaration): RenderRequest => ({
  name,
  namespace,
  path: source.path,
  ...(kind && { kind }),
  ...(values && { values }),
  ...(valuesFiles && { valuesFiles }),
  ...(images && { images }),
});

/** One object, and where it comes from. */
export interface RenderedObject {
  readonly object: KubernetesObject;
  /** File within the repository; absent where none is known. */
  readonly file?: string;
  /** Line of that file, from 1; absent where the file makes the object from a template. */
  readonly line?: number;
  /** When Helm runs it, for a hook of a chart: "pre-install". It is none of the objects that stay. */
  readonly hook?: string;
}

/** A function of a template whose result differs from one time to the next. */
export interface Irreproducible {
  readonly file: string;
  readonly line: number;
  /** Name of the function: "randAlphaNum". */
  readonly uses: string;
}

/** An object that stands more than once, of which Argo CD takes the last. */
export interface Repeated {
  /** "ConfigMap shop/web". */
  readonly object: string;
  /** Where each of them is declared, the one that counts last: "app/a.yaml:1". */
  readonly places: readonly string[];
}

/** What an app comes to. */
export interface Rendering {
  /** Commit that it was rendered from. */
  readonly commit: string;
  readonly objects: readonly RenderedObject[];
  /** Why the same commit may give other objects the next time; empty where it can't. */
  readonly irreproducible: readonly Irreproducible[];
  /** What stands more than once, where the agent takes one of them rather than none. */
  readonly repeated?: readonly Repeated[];
}

/** Folder in which renderings are kept, under everything that decides them. Unset: they are not kept. */
const keptIn = (): string | undefined => process.env.PLUMBLINE_RENDERINGS || undefined;

/**
 * Renders an app as its agent does: as kustomize-controller and helm-controller, or as the repository server of Argo CD.
 *
 * @throws RenderError or SourceError that names repository, commit, file and line
 */
export const render = async (
  whole: Snapshot,
  { remotes = lockedRemotes(), ...asked }: RenderRequest,
): Promise<Rendering> => {
  const { agent = "flux" } = asked;
  const snapshot = await seenBy(whole, agent);
  const kind = asked.kind ?? kindOf(snapshot, asked.path);
  const closure = await closureOf(snapshot, asked.path, kind, { remotes, agent });
  const request = { ...asked, agent, kind, ...(kind === AppKind.Helm && (await settled(asked))) };
  const { commit } = snapshot;
  const kept = keptIn();
  const file = kept && join(kept, `${renderingKey(request, closure)}.json`);
  const known = file && (await readFile(file, "utf8").catch(() => undefined));
  if (known) return { commit, ...(JSON.parse(known) as Omit<Rendering, "commit">) };
  await refuseUnfetched(snapshot, closure, agent, kind);
  const made = await renderers[kind](snapshot, closure, request);
  const rendering = agent === "argo-cd" ? { ...made, ...lastOf(made.objects) } : made;
  refuseObjects(snapshot, request, rendering.objects);
  if (kept && file && rendering.irreproducible.length === 0) {
    await mkdir(kept, { recursive: true, mode: 0o700 });
    const aside = `${file}.${process.pid}`;
    await writeFile(aside, JSON.stringify(rendering), { mode: 0o600 });
    await rename(aside, file);
  }
  return { commit, ...rendering };
};

type Render = (snapshot: Snapshot, closure: Closure, request: RenderRequest) => Promise<Omit<Rendering, "commit">>;

const renderers: Readonly<Record<AppKind, Render>> = {
  [AppKind.Helm]: renderChart,
  [AppKind.Kustomize]: renderKustomization,
  [AppKind.Yaml]: (snapshot, closure, request) =>
    (request.agent === "argo-cd" ? renderDirectory : renderKustomization)(snapshot, closure, request),
};

/** A chart may ask for these, which decide the rendering as the files do. */
const settled = async ({ agent, upgrade, capabilities }: RenderRequest): Promise<Partial<RenderRequest>> => {
  const known = capabilities ?? (await knownCapabilities());
  return { upgrade: agent !== "argo-cd" && upgrade === true, ...(known && { capabilities: known }) };
};

/** What Argo CD makes of objects that stand more than once. */
const lastOf = (objects: readonly RenderedObject[]): Pick<Rendering, "objects" | "repeated"> => {
  const byKey = new Map<string, RenderedObject[]>();
  for (const [index, each] of objects.entries()) {
    const key = each.object.metadata.name ? keyOf(each.object) : `${index}`;
    byKey.set(key, [...(byKey.get(key) ?? []), each]);
  }
  const repeated = [...byKey.values()].flatMap((same): Repeated[] => {
    const { object } = same[0] ?? {};
    if (!object || same.length < 2) return [];
    const places = same.map(({ file = "", line }) => (line ? `${file}:${line}` : file));
    return [{ object: `${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`, places }];
  });
  return {
    objects: [...byKey.values()].flatMap((same) => same.slice(-1)),
    ...(repeated.length > 0 && { repeated }),
  };
};

/** Changes with what a rendering is made of, and with how. */
const format = 3;

/** A hash of everything that decides a rendering; the commit is no part of it, the files that it has are. */
export const renderingKey = (
  { name, namespace, path, kind, values = {}, valuesFiles = [], images = {}, ...how }: RenderRequest,
  closure: Closure,
): string =>
  createHash("sha256")
    .update(JSON.stringify([format, name, namespace, path, kind, values, valuesFiles, images]))
    .update(JSON.stringify([how.agent ?? "flux", how.upgrade ?? false, how.capabilities ?? null]))
    .update(
      [...closure.values()]
        .map((each) => `${each.type} ${each.oid} ${each.path}\n`)
        .sort()
        .join(""),
    )
    .digest("hex");
