// How does a commit get to a fleet? Each wave's branch is pushed forward to it, once the wave before is healthy there.
import { setTimeout as sleep } from "node:timers/promises";
import type { Fleet, ResolvedWave } from "../components/index.ts";
import type { Clone } from "./checkout.ts";
import { Failure } from "./failure.ts";
import type { MemberStatus } from "./fleet-members.ts";

export interface Rollout {
  /** Revision of the checkout. Default: the tip of the fleet's branch at the remote. */
  readonly to?: string;
  /** Without it, what would move is told, and nothing is pushed. */
  readonly yes: boolean;
  readonly say: (text: string) => void;
  /** How the clusters of a wave are, when they are to be at a commit. */
  readonly look: (wave: ResolvedWave, commit: string) => Promise<readonly MemberStatus[]>;
  /** Full hash by branch, as the remote has them now. */
  readonly tips: () => Promise<ReadonlyMap<string, string>>;
}

/** Seconds between two looks at a wave. */
const pause = 2;

/**
 * Moves the waves in their order. What was moved is in Git alone: a run that was ended, or failed, is gone on with by the next.
 *
 * @throws Failure when a wave is elsewhere than before the commit, or not healthy in its time: no later wave has moved
 */
export const rolledOut = async (
  fleet: Fleet,
  { git, ask }: Pick<Clone, "git" | "ask">,
  rollout: Rollout,
): Promise<void> => {
  const { say } = rollout;
  await git("fetch", "--quiet", "origin");
  const tips = await rollout.tips();
  const commit = await commitOf(fleet, ask, tips, rollout.to);
  const short = commit.slice(0, 10);
  const steps = await Promise.all(
    fleet.waves.map(async (wave) => {
      const tip = tips.get(wave.branch);
      const forward = !tip || (await ask("merge-base", "--is-ancestor", tip, commit)) !== undefined;
      return { wave, tip, forward };
    }),
  );
  // All of them first: a wave that cannot move would otherwise be found when those before it have.
  const stray = steps.find(({ forward }) => !forward);
  if (stray) {
    const what = `Wave ${stray.wave.name} is at ${stray.tip?.slice(0, 10)}, which ${short} does not contain: a branch of a wave only moves forward.`;
    throw new Failure("NOT_FORWARD", what, {
      wayOut: `roll out a commit of ${fleet.git.branch} that contains it; to go back, revert on ${fleet.git.branch}: git revert, and roll that out`,
    });
  }
  if (!rollout.yes) {
    for (const { wave, tip } of steps) {
      const names = wave.members.map(({ name }) => name).join(", ");
      const move = tip === commit ? `is at ${short}` : `${tip?.slice(0, 10) ?? "new"} → ${short}`;
      say(`${wave.name}: ${move}, ${names}`);
    }
    say("Nothing was pushed. To do it: plumbline fleet rollout --yes");
    return;
  }
  for (const [index, { wave, tip }] of steps.entries()) {
    // Without force: Git itself refuses where somebody else has moved it elsewhere meanwhile.
    if (tip !== commit) await git("push", "--quiet", "origin", `${commit}:refs/heads/${wave.branch}`);
    say(`${wave.name}: ${tip === commit ? "is at" : "moved to"} ${short}, waiting for ${wave.members.length} clusters`);
    const began = performance.now();
    await healthy(wave, commit, rollout, steps.slice(index + 1));
    say(`${wave.name}: healthy at ${short} after ${Math.round((performance.now() - began) / 1000)} s`);
  }
};

const commitOf = async (
  { git: { branch } }: Fleet,
  ask: Clone["ask"],
  tips: ReadonlyMap<string, string>,
  to: string | undefined,
): Promise<string> => {
  const trunk = tips.get(branch);
  const wanted = to ?? trunk;
  const commit = wanted && (await ask("rev-parse", "--verify", "--quiet", "--end-of-options", `${wanted}^{commit}`));
  const within = commit && trunk && (await ask("merge-base", "--is-ancestor", commit, trunk)) !== undefined;
  if (commit && within) return commit;
  const what = to ? `"${to}" is no commit of ${branch} at the remote.` : `The remote has no branch ${branch}.`;
  throw new Failure("NO_COMMIT", what, { wayOut: `push it to ${branch} first, by the review that a change gets` });
};

/** Waits until a wave is healthy, and has been for as long as it is to soak. */
const healthy = async (
  wave: ResolvedWave,
  commit: string,
  { look }: Pick<Rollout, "look">,
  later: readonly { readonly wave: ResolvedWave }[],
): Promise<void> => {
  const { name, timeout, soak } = wave;
  const began = performance.now();
  let well: number | undefined;
  // While an agent tries again, it says nothing of why it failed.
  const reasons = new Map<string, readonly string[]>();
  for (;;) {
    const ill = (await look(wave, commit)).filter((member) => !member.healthy);
    for (const { cluster, reachable, apps, problems } of ill)
      if (!reasons.has(cluster) || !reachable || apps.some(({ message }) => message)) reasons.set(cluster, problems);
    const now = performance.now();
    if (ill.length === 0) {
      well ??= now;
      if (now - well >= soak * 1000) return;
    } else if (well !== undefined || now - began > timeout * 1000) {
      const when = well === undefined ? `within ${timeout} s` : `for the ${soak} s that it soaks`;
      const held = later.length > 0 ? ` Not moved: ${later.map((each) => each.wave.name).join(", ")}.` : "";
      throw new Failure(
        "WAVE_NOT_HEALTHY",
        `Wave ${name} was not healthy at ${commit.slice(0, 10)} ${when}.${held}\n${told(ill, reasons)}`,
        {
          wayOut:
            "mend what is named by a commit, and roll that out; where the clusters have recovered, the same command goes on",
        },
      );
    }
    await sleep(pause * 1000);
  }
};

/** Clusters of one wave that a message names; `fleet status` has them all. */
const most = 20;

const told = (ill: readonly MemberStatus[], reasons: ReadonlyMap<string, readonly string[]>): string =>
  [
    ...ill
      .slice(0, most)
      .flatMap(({ cluster }) => (reasons.get(cluster) ?? []).map((problem) => `  ${cluster}: ${problem}`)),
    ...(ill.length > most ? [`  and ${ill.length - most} more clusters: plumbline fleet status`] : []),
  ].join("\n");
