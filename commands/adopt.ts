// `plumbline adopt`: what a cluster that has been running for years would become under Git. It looks, and changes nothing.
import { join } from "node:path";
import { discover, snapshots } from "../components/delivery/discover.ts";
import { remotesOf } from "../components/delivery/remotes.ts";
import { type Rendering, render, requestOf } from "../components/delivery/render.ts";
import { rendererVariables } from "../components/delivery/render-program.ts";
import { helmOf, renderingAgentOf } from "../components/delivery/seen.ts";
import { policyName } from "../components/enforcement.ts";
import type { Definition } from "../components/index.ts";
import { singleApps, sourceOf } from "../components/settings.ts";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { resolve } from "../engine/resolve.ts";
import type { Api } from "../local/kubernetes-api.ts";
import { judgeObject } from "../policies/check.ts";
import { type Judge, openJudge } from "../policies/judge.ts";
import type { KubernetesObject } from "../policies/rule.ts";
import { rules } from "../policies/rules/index.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { type AppOutcome, outcomesOf } from "./adopt-compare.ts";
import { type RunningLayer, runningLayers } from "./adopt-layers.ts";
import { type LiveNamespace, liveNamespaces, type Writer } from "./adopt-live.ts";
import { adoptReport } from "./adopt-report.ts";
import { connectContext } from "./context.ts";
import { exit, Failure } from "./failure.ts";
import { findRemotes } from "./remotes.ts";

export interface AdoptOptions {
  /** Default: that of the stack's cluster, where it is named; else the current one. */
  readonly context?: string;
  /** Default: none; what is there is told, and compared with nothing. */
  readonly stack?: string;
  /** Only these. Default: all that are not the cluster's own. */
  readonly namespace?: readonly string[];
  readonly json: boolean;
}

/** Whether writes that do not come from Git are let through, let through with a warning, or refused. */
export type State = "open" | "observed" | "enforced";

/** A namespace as it is, and what would no longer be possible in it. */
export interface ObservedNamespace {
  readonly name: string;
  readonly state: State;
  readonly app: string | undefined;
  readonly objects: readonly {
    readonly name: string;
    readonly keeper: string | undefined;
    /** Rules that it breaks, as it runs. */
    readonly breaks: readonly string[];
  }[];
  readonly writers: readonly Writer[];
}

/** Everything that `adopt` finds. */
export interface Observation {
  readonly server: string;
  readonly version: string;
  /** Who asks, as the API server calls him. */
  readonly user: { readonly username: string; readonly groups: readonly string[] };
  readonly layers: readonly RunningLayer[];
  readonly namespaces: readonly ObservedNamespace[];
  /** Empty without a stack. */
  readonly apps: readonly AppOutcome[];
  /** Kinds that whoever asks may not list. */
  readonly unread: readonly string[];
}

/** Prints what is there and what would become of it; the exit code is 2 where Git and the cluster differ. */
export const adopt = async (options: AdoptOptions): Promise<void> => {
  const definition = options.stack === undefined ? undefined : await loadStack(options.stack);
  if (options.stack !== undefined) findRemotes(options.stack);
  await namePrograms(definition);
  const { api, version } = await connectContext({
    ...definition?.settings.cluster.place,
    ...(options.context && { context: options.context }),
  });
  const judge = await openJudge(rules);
  try {
    const observation = { server: api.server, version, ...(await observe(api, judge, options, definition)) };
    process.stdout.write(
      options.json ? `${JSON.stringify(observation, null, 2)}\n` : adoptReport(observation, options.stack),
    );
    const differs = observation.apps.some(({ objects, left }) =>
      [objects.some(({ change }) => change !== "taken over as it is"), left.length > 0].includes(true),
    );
    if (differs) process.exitCode = exit.differences;
  } finally {
    judge.close();
    api.close();
  }
};

/** Tells the parts that render and judge where their programs are. */
const namePrograms = async (definition: Definition | undefined): Promise<void> => {
  const helm = helmOf[renderingAgentOf(definition?.layers ?? {})];
  const charts = definition?.settings.apps.some(({ kind }) => kind === undefined || kind === "helm") ?? false;
  const programs = await resolve([
    "plumbline-cel",
    ...(definition ? (["kustomize"] as const) : []),
    ...(charts ? [helm] : []),
  ]);
  const place = (name: "plumbline-cel" | "kustomize" | typeof helm) => programs.get(name)?.path ?? "";
  process.env.PLUMBLINE_CEL ||= place("plumbline-cel");
  process.env[rendererVariables.kustomize] ||= place("kustomize");
  process.env[rendererVariables.helm] ||= place(helm);
  process.env.PLUMBLINE_RENDERINGS ||= join(stateFolder(), "renderings");
  process.env.PLUMBLINE_REPOSITORIES ||= stateLayout(stateFolder()).git;
};

const observe = async (
  api: Api,
  judge: Judge,
  { namespace: chosen, stack }: Pick<AdoptOptions, "namespace" | "stack">,
  definition: Definition | undefined,
): Promise<Omit<Observation, "server" | "version">> => {
  const [user, layers, { namespaces, unread }, stateOf] = await Promise.all([
    whoAmI(api),
    runningLayers(api),
    liveNamespaces(api),
    states(api),
  ]);
  const unknown = chosen?.filter((each) => !namespaces.some(({ name }) => name === each)) ?? [];
  if (unknown.length > 0) {
    throw new Failure(
      "NO_NAMESPACE",
      `Nobody has declared anything in ${unknown.join(", ")}, or it is the cluster's own.`,
      {
        wayOut: `name one of: ${namespaces.map(({ name }) => name).join(", ") || "none has anything"}`,
      },
    );
  }
  const looked = namespaces.filter(({ name }) => chosen?.includes(name) ?? true);
  const exemptions = definition?.settings.exemptions ?? [];
  const observed: ObservedNamespace[] = [];
  for (const { name, app, objects, writers } of looked) {
    const judged: ObservedNamespace["objects"][number][] = [];
    for (const each of objects) {
      const broken = runs.includes(String(each.object.kind))
        ? await judgeObject(judge, each.object as KubernetesObject, { exemptions, today: new Date() })
        : [];
      judged.push({ name: each.name, keeper: each.keeper, breaks: broken.map(({ rule, message }) => rule ?? message) });
    }
    observed.push({ name, app, state: stateOf(name), objects: judged, writers });
  }
  const apps = definition ? await outcomesOfStack(api, stack ?? "", definition, looked, chosen) : [];
  return { user, layers, namespaces: observed, apps, unread };
};

const runs = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet"];

/** Asks the API server for whom it takes us; the review is written nowhere. */
const whoAmI = async (api: Api): Promise<Observation["user"]> => {
  interface Review {
    readonly status?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } };
  }
  const { status } = await api.send<Review>("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "SelfSubjectReview",
  });
  return { username: status?.userInfo?.username ?? "", groups: status?.userInfo?.groups ?? [] };
};

/** Which namespaces the bindings of this platform's policy name. */
const states = async (api: Api): Promise<(namespace: string) => State> => {
  const bindings = await api.list("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings");
  const named = (part: string): readonly string[] =>
    bindings
      .filter(({ metadata: { name } }) => name === `${policyName}-${part}`)
      .flatMap(({ spec }) => spec.matchResources?.namespaceSelector?.matchExpressions ?? [])
      .flatMap(({ values }: { values: readonly string[] }) => values);
  const [enforced, observed] = [named("enforced"), named("observed")];
  return (name) => (enforced.includes(name) ? "enforced" : observed.includes(name) ? "observed" : "open");
};

const outcomesOfStack = async (
  api: Api,
  stack: string,
  definition: Definition,
  namespaces: readonly LiveNamespace[],
  chosen: readonly string[] | undefined,
): Promise<AppOutcome[]> => {
  const agent = renderingAgentOf(definition.layers);
  const sources = snapshots(process.env.PLUMBLINE_REPOSITORIES);
  try {
    const { settings, layers, pushed } = await discover(definition, process.env.PLUMBLINE_REPOSITORIES);
    const apps = singleApps(settings).filter(({ name, namespace = name }) => chosen?.includes(namespace) ?? true);
    const renderings = await Promise.all(
      apps.map(async (each): Promise<Rendering> => {
        const known = pushed?.get(each.name);
        const remotes = remotesOf(layers, each.model);
        return (
          known ?? render(await sources.open(sourceOf(settings, each.source)), { ...requestOf(each), agent, remotes })
        );
      }),
    );
    return await Promise.all(
      apps.map(({ name: app, namespace = app, model }, index) =>
        outcomesOf(
          api,
          { app, namespace, pushed: model === "push" },
          renderings[index]?.objects ?? [],
          namespaces.find(({ name }) => name === namespace),
        ),
      ),
    );
  } catch (error) {
    const { name, message } = error as Error;
    if (!["SourceError", "RenderError", "ManifestError"].includes(name)) throw error;
    throw new Failure("NOT_RENDERED", message, { wayOut: `mend what stacks/${stack}.ts names, commit and push it` });
  } finally {
    await sources.close();
  }
};

/** Users and groups that must go on writing once a namespace is enforced, as far as the cluster tells. */
export const writersForGit = ({ user, layers }: Pick<Observation, "user" | "layers">, writing: readonly string[]) => {
  const group = user.groups.find((each) => each === "plumbline:ci");
  const users = [
    ...(group ? [] : [user.username]),
    ...new Set(layers.filter(({ slot }) => writing.includes(slot)).map(({ user: each }) => each)),
  ];
  return { ...(users.length > 0 && { users }), ...(group && { groups: [group] }) };
};
