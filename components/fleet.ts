// How do many clusters become one typed value? Each member is a platform and a stack of its own; a wave is a branch that members follow.
import { z } from "zod";
import { duration, secondsOf } from "./check.ts";
import type { Place } from "./cluster/kubeconfig.ts";
import { problemsOf } from "./delivery/app.ts";
import type { Definition } from "./platform.ts";
import { InvalidDeclaration, type Problem, refuse } from "./problems.ts";
import { type Settings, sourceOf } from "./settings.ts";

/** What marks a cluster: `{ region: "eu" }`. Waves choose by them, and `platform` may. */
export type FleetLabels = Readonly<Record<string, string>>;

/** One cluster of a fleet. */
export interface FleetCluster {
  /** What the platform stands on. */
  readonly cluster: Settings["cluster"];
  /**
   * Kubeconfig and context by which `plumbline fleet` asks its API server. Default: those of `existing({ ... })`; a cluster that the stack
   * makes has none before, so it is named here.
   */
  readonly access?: Place;
  /** Default: none. */
  readonly labels?: FleetLabels;
}

/** Clusters that move together. */
export interface Wave<N extends string = string> {
  /** Part of the branch that its clusters follow: `<fleet>/<wave>`. */
  readonly name: string;
  /** By name; or by labels, of those that no earlier wave has; or "rest", all that no other wave has, in the last one. */
  readonly clusters: readonly N[] | FleetLabels | "rest";
  /** How long its clusters may take until every app is healthy at the new commit. Default: "15m". */
  readonly timeout?: string;
  /** How long the next wave waits after that, when this one has to be healthy still. Default: none. */
  readonly soak?: string;
}

/** What a fleet is declared by. */
export interface FleetArgs<N extends string> {
  /** Part of the branches of its waves. */
  readonly name: string;
  /** The repository of the apps. Commits of its branch are rolled out; the clusters follow the branches of the waves. */
  readonly git: Settings["git"];
  readonly clusters: Readonly<Record<N, FleetCluster>>;
  /** In the order in which a commit gets to them. */
  readonly waves: readonly Wave<NoInfer<N>>[];
  /** The platform of one cluster. A pure function: it is called for each, also where only one is deployed. */
  readonly platform: (member: FleetMember) => Definition;
}

/** What `platform` is told of a cluster. */
export interface FleetMember {
  readonly name: string;
  readonly labels: FleetLabels;
  /** What every platform of the fleet declares: its name, its cluster, and Git at the branch of its wave. */
  readonly settings: Pick<Settings, "name" | "git" | "cluster">;
}

/** A member that is part of a fleet. */
export interface Member extends FleetMember {
  readonly wave: string;
  readonly access: Place;
  readonly definition: Definition;
}

/** A wave whose clusters are known. */
export interface ResolvedWave {
  readonly name: string;
  /** The branch that its clusters follow. */
  readonly branch: string;
  /** Seconds. */
  readonly timeout: number;
  /** Seconds. */
  readonly soak: number;
  readonly members: readonly Member[];
}

/** Many platforms; pure data. */
export interface Fleet {
  readonly declared: "fleet";
  readonly name: string;
  readonly git: Settings["git"];
  readonly waves: readonly ResolvedWave[];
}

const word = z.string().regex(/^[a-z][-a-z0-9]{0,30}$/, "1 to 31 of a-z, 0-9 and -, starting with a letter");
const labels = z.record(z.string().min(1, "a label"), z.string("a text"));
const place = z.strictObject({
  kubeconfig: z.string().min(1, "the path of a kubeconfig file").exactOptional(),
  context: z.string().min(1, "the name of a context in the kubeconfig").exactOptional(),
});

const schema = z.strictObject({
  name: word,
  // The rest of it is checked with each platform.
  git: z.looseObject({ url: z.string("the URL of a repository"), branch: z.string("the branch that is rolled out") }),
  clusters: z.record(
    word,
    z.strictObject({
      cluster: z.custom<Settings["cluster"]>(
        (value) => (value as Partial<Settings["cluster"]> | undefined)?.slot === "cluster",
        "a cluster: existing({ ... }) or eks({ ... })",
      ),
      access: place.exactOptional(),
      labels: labels.exactOptional(),
    }),
  ),
  waves: z
    .array(
      z.strictObject({
        name: word,
        clusters: z.union([z.array(z.string()), z.literal("rest"), labels], {
          error: 'names of clusters, their labels, or "rest"',
        }),
        timeout: duration.exactOptional(),
        soak: duration.exactOptional(),
      }),
    )
    .min(1, "at least one wave"),
  platform: z.custom<(member: FleetMember) => Definition>(
    (value) => typeof value === "function",
    "a function that returns definePlatform({ ...member.settings, apps }, { ... })",
  ),
});

/**
 * Declares a fleet: one stack for each cluster, `<file>.<cluster>`, and an agent in each that follows the branch of its wave.
 *
 * @throws InvalidDeclaration with every problem of clusters, waves and platforms
 */
export const fleet = <const N extends string>(args: FleetArgs<N>): Fleet => {
  refuse("fleet", problemsOf(schema.safeParse(args), args, "fleet"));
  const clusters = Object.entries<FleetCluster>(args.clusters);
  const { chosen, problems } = choose(clusters, args.waves);
  problems.push(...accessProblems(clusters));
  const waves = args.waves.map(({ name, timeout = "15m", soak = "0s" }, index) => {
    const branch = `${args.name}/${name}`;
    const members = clusters
      .filter(([cluster]) => chosen.get(cluster) === index)
      .map(([cluster, declared]) => memberOf(args, cluster, declared, { name, branch }, problems));
    return { name, branch, timeout: secondsOf(timeout) ?? 0, soak: secondsOf(soak) ?? 0, members };
  });
  refuse("fleet", problems);
  return {
    declared: "fleet",
    name: args.name,
    git: args.git,
    waves: waves.map((wave) => ({ ...wave, members: wave.members.filter((member) => member !== undefined) })),
  };
};

/** Which wave each cluster is in, by its index: in exactly one, or it is a problem. */
const choose = (
  clusters: readonly [string, FleetCluster][],
  waves: readonly Wave[],
): { chosen: Map<string, number>; problems: Problem[] } => {
  const chosen = new Map<string, number>();
  const problems: Problem[] = [];
  const free = () => clusters.filter(([name]) => !chosen.has(name));
  const known = new Set(clusters.map(([name]) => name));
  for (const [index, { name, clusters: wanted }] of waves.entries()) {
    const field = `fleet.waves.${index}.clusters`;
    const earlier = waves.findIndex((other) => other.name === name);
    if (earlier < index) {
      const allowed = `a name of its own: wave ${earlier} has this one`;
      problems.push({ field: `fleet.waves.${index}.name`, value: name, allowed });
    }
    if (wanted === "rest" && index < waves.length - 1)
      problems.push({ field, value: wanted, allowed: '"rest" in the last wave alone: it is what no other has' });
    const found =
      wanted === "rest"
        ? free().map(([cluster]) => cluster)
        : isNames(wanted)
          ? wanted
          : free().flatMap(([cluster, declared]) => (matches(declared.labels, wanted) ? [cluster] : []));
    if (found.length === 0) {
      const allowed = "at least one cluster that is in no earlier wave: leave the wave out until it has one";
      problems.push({ field, value: wanted, allowed });
    }
    for (const cluster of found) {
      const other = chosen.get(cluster);
      if (!known.has(cluster)) {
        problems.push({ field, value: cluster, allowed: `a cluster of the fleet: ${some([...known])}` });
      } else if (other !== undefined) {
        const allowed = `clusters of no other wave: "${waves[other]?.name}" has this one`;
        problems.push({ field, value: cluster, allowed });
      } else chosen.set(cluster, index);
    }
  }
  for (const [cluster] of free())
    problems.push({
      field: `fleet.clusters.${cluster}`,
      value: "in no wave",
      allowed: 'one wave: name it, or add "rest"',
    });
  return { chosen, problems };
};

const isNames = (wanted: readonly string[] | FleetLabels): wanted is readonly string[] => Array.isArray(wanted);

const matches = (has: FleetLabels = {}, wanted: FleetLabels): boolean =>
  Object.entries(wanted).every(([label, value]) => has[label] === value);

const some = (names: readonly string[]): string =>
  `${names.slice(0, 8).join(", ") || "it has none"}${names.length > 8 ? `, and ${names.length - 8} more` : ""}`;

const accessOf = ({ cluster, access = cluster.place }: FleetCluster): Place => access ?? {};

// Two members on one cluster would take each other's objects away at each `up`.
const accessProblems = (clusters: readonly [string, FleetCluster][]): Problem[] => {
  const seen = new Map<string, string>();
  return clusters.flatMap(([name, declared]): Problem[] => {
    const { kubeconfig = "", context = "" } = accessOf(declared);
    const field = `fleet.clusters.${name}.access`;
    if (!kubeconfig && !context)
      return [{ field, value: undefined, allowed: "{ context } or { kubeconfig } by which its API server is asked" }];
    const key = JSON.stringify([kubeconfig, context]);
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined) return [];
    return [{ field, value: context || kubeconfig, allowed: `a cluster of its own: "${other}" is this one` }];
  });
};

const memberOf = <N extends string>(
  { git, platform }: FleetArgs<N>,
  name: string,
  declared: FleetCluster,
  wave: { readonly name: string; readonly branch: string },
  problems: Problem[],
): Member | undefined => {
  const settings = { name, git: { ...git, branch: wave.branch }, cluster: declared.cluster };
  const member = { name, labels: declared.labels ?? {}, settings };
  const within = (field: string) => `fleet.clusters.${name}: ${field}`;
  let definition: Definition;
  try {
    definition = platform(member);
  } catch (error) {
    if (!(error instanceof InvalidDeclaration)) throw error;
    problems.push(...error.problems.map((problem) => ({ ...problem, field: within(problem.field) })));
    return undefined;
  }
  const { settings: made } = definition;
  const kept: [field: string, value: unknown, right: boolean][] = [
    ["settings.name", made.name, made.name === name],
    ["settings.git.url", made.git.url, made.git.url === git.url],
    ["settings.git.branch", made.git.branch, made.git.branch === wave.branch],
    ["settings.cluster", made.cluster.implementation, made.cluster === declared.cluster],
  ];
  for (const [field, value, right] of kept)
    if (!right) problems.push({ field: within(field), value, allowed: "what ...member.settings says" });
  for (const each of made.apps) {
    if (each.declared !== "app" || each.model !== "push") continue;
    const allowed = 'the model "pull": a wave moves a branch, and what Pulumi applies moves with an up';
    problems.push({ field: within(`settings.apps.${each.name}.model`), value: each.model, allowed });
  }
  return { ...member, wave: wave.name, access: accessOf(declared), definition };
};

/** Members of a fleet, in the order of its waves. */
export const membersOf = ({ waves }: Fleet): Member[] => waves.flatMap(({ members }) => members);

/** What of a member an agent delivers from the branch of its wave. */
export const followsWave = ({ settings }: Definition, app: string): boolean => {
  const found = settings.apps.find((each) => each.declared === "app" && each.name === app);
  // One that is not declared by its name is of `apps()`: a folder of one of the sources.
  const sources = found?.declared === "app" ? [found.source] : settings.apps.filter((each) => each.declared === "apps");
  return sources.some((given) => {
    const { url, revision } = sourceOf(settings, given);
    return url === settings.git.url && "branch" in revision && revision.branch === settings.git.branch;
  });
};

/** File and member that the name of a stack stands for: `fleet.eu-1` is member `eu-1` of `stacks/fleet.ts`. */
export const stackOf = (name: string): { readonly file: string; readonly member?: string } => {
  const dot = name.indexOf(".");
  return dot < 0 ? { file: name } : { file: name.slice(0, dot), member: name.slice(dot + 1) };
};

/**
 * What the default export of a stack file declares for a stack of that file.
 *
 * @throws InvalidDeclaration when it declares neither a platform nor the member that the stack is named after
 */
export const definitionIn = (exported: unknown, stack: string): Definition => {
  const { file, member } = stackOf(stack);
  const declared = (typeof exported === "function" ? exported() : exported) as Definition | Fleet | undefined;
  const wrong = (problem: Problem) => new InvalidDeclaration(`stacks/${file}.ts`, [problem]);
  if (isFleet(declared)) {
    const found = membersOf(declared).find(({ name }) => name === member);
    if (found) return found.definition;
    const names = some(membersOf(declared).map(({ name }) => `${file}.${name}`));
    throw wrong({ field: "stack", value: stack, allowed: `a member of the fleet: ${names}` });
  }
  if (!declared?.settings || !declared.layers)
    throw wrong({
      field: "default export",
      value: declared,
      allowed: "definePlatform({ ... }, { ... }) or fleet({ ... })",
    });
  if (member !== undefined)
    throw wrong({ field: "stack", value: stack, allowed: `${file}: the file declares one platform and no fleet` });
  return declared;
};

/** Whether a value is what {@link fleet} returns. */
export const isFleet = (value: unknown): value is Fleet => (value as Partial<Fleet> | undefined)?.declared === "fleet";
