// How is each cluster of a fleet? Asked at its own API server, many at once; one that does not answer is a row like the others.
import { setTimeout as sleep } from "node:timers/promises";
import { usualKubeconfig } from "../components/cluster/kubeconfig.ts";
import { followsWave, type Member, type ResolvedWave } from "../components/fleet.ts";
import { type Api, connect } from "../local/kubernetes-api.ts";
import { type AppStatus, appStatuses } from "./app-status.ts";
import { podReasons } from "./pod-reasons.ts";

/** One cluster, as `fleet status --json` shows it. */
export interface MemberStatus {
  readonly cluster: string;
  readonly wave: string;
  /** Branch that it follows. */
  readonly branch: string;
  /** Full hash at the tip of that branch; empty where the branch or its repository is not there. */
  readonly wanted: string;
  /** Whether its API server answered. */
  readonly reachable: boolean;
  /** Whether every app is healthy, and those that follow the wave are at its commit, where that is known. */
  readonly healthy: boolean;
  readonly apps: readonly MemberApp[];
  /** What keeps it from being healthy, the worst first; empty where it is. */
  readonly problems: readonly string[];
}

/** An app of a cluster; `wave`: whether the branch of its wave moves it. */
export type MemberApp = AppStatus & { readonly wave: boolean };

/** Clusters that are asked at once: each answer is some ten requests, and this process has one core. */
const atOnce = 32;

/** Seconds within which a cluster must have answered everything. */
const bound = 15;

/**
 * Asks each cluster of some waves.
 *
 * @param tips full hash by branch
 * @param stack name of the file that declares the fleet
 */
export const membersNow = async (
  waves: readonly ResolvedWave[],
  tips: ReadonlyMap<string, string>,
  stack: string,
  state: string,
): Promise<MemberStatus[]> => {
  const all = waves.flatMap(({ branch, members }) => members.map((member) => ({ branch, member })));
  const found = new Array<MemberStatus>(all.length);
  const left = all.entries();
  const worker = async () => {
    for (const [index, { branch, member }] of left) {
      const about = { cluster: member.name, wave: member.wave, branch, wanted: tips.get(branch) ?? "" };
      found[index] = await appsOf(member, about.wanted, `${stack}.${member.name}`, state).then(
        (apps) => judged(about, apps),
        (error: Error) => ({ ...about, reachable: false, healthy: false, apps: [], problems: [error.message] }),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return found;
};

/** What is to be said of a cluster that answered. */
export const judged = (
  about: Pick<MemberStatus, "cluster" | "wave" | "branch" | "wanted">,
  apps: readonly MemberApp[],
): MemberStatus => {
  const short = (commit: string) => commit.slice(0, 10) || "no commit";
  const problems = apps.flatMap(({ name, wave, healthy, commit, message }) => {
    const behind =
      wave && about.wanted && commit !== about.wanted ? `at ${short(commit)}, not at ${short(about.wanted)}` : "";
    const ill = healthy && !behind ? "" : (message ?? (healthy ? "" : "not healthy"));
    return ill || behind ? [`${name}: ${[ill, behind].filter(Boolean).join("; ")}`] : [];
  });
  return { ...about, reachable: true, healthy: problems.length === 0, apps, problems };
};

// While its agent is at work an app is as healthy as what it was: its pods may know already that the work is in vain.
const explained = async (api: Api, app: MemberApp, wanted: string): Promise<MemberApp> => {
  if (app.message || !app.wave || !wanted || app.commit === wanted) return app;
  const reasons = await podReasons(api, app.namespace);
  return reasons.length > 0 ? { ...app, message: reasons.join("; ") } : app;
};

const appsOf = async (
  { access, definition }: Member,
  wanted: string,
  stack: string,
  state: string,
): Promise<MemberApp[]> => {
  const api = await connect(access.kubeconfig ?? usualKubeconfig(), access.context);
  const late = new AbortController();
  const ofWave = (app: AppStatus): MemberApp => ({ ...app, wave: followsWave(definition, app.name) });
  try {
    const live = await Promise.race([
      appStatuses(api, state, () => undefined).then((apps) =>
        Promise.all(apps.map((app) => explained(api, ofWave(app), wanted))),
      ),
      sleep(bound * 1000, undefined, { signal: late.signal }).then(() => {
        throw new Error(`${api.server} has not answered within ${bound} s`);
      }),
    ]);
    const missing = definition.settings.apps.flatMap((each): MemberApp[] => {
      if (each.declared !== "app" || live.some(({ name }) => name === each.name)) return [];
      const message = `not in the cluster: plumbline pulumi up --stack ${stack}`;
      const { name, namespace = name } = each;
      return [ofWave({ name, namespace, url: "", commit: "", healthy: false, model: "pull", agent: "", message })];
    });
    return [...live, ...missing];
  } finally {
    late.abort();
    api.close();
  }
};
