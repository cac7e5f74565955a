// `plumbline fleet`: all clusters of a fleet in one table, and a commit taken from wave to wave.
import { basename, resolve } from "node:path";
import pc from "picocolors";
import { reachable } from "../components/delivery/repository.ts";
import type { Fleet } from "../components/index.ts";
import { root, stateFolder, stateLayout } from "../engine/folders.ts";
import { loadFleet } from "../stacks/shared/load.ts";
import { type Clone, openClone } from "./checkout.ts";
import { exit, Failure } from "./failure.ts";
import { type MemberStatus, membersNow } from "./fleet-members.ts";
import { rolledOut } from "./fleet-rollout.ts";
import { table } from "./table.ts";

export interface FleetOptions {
  /** File under `stacks/` that declares the fleet. */
  readonly stack: string;
}

/** Prints every cluster; exits 1 while one is not healthy. */
export const fleetStatus = async ({
  stack,
  json,
  repository,
}: FleetOptions & { readonly json: boolean; readonly repository?: string }): Promise<void> => {
  const state = stateFolder();
  const fleet = await loadFleet(stack);
  const asked = repository
    ? checkoutOf(resolve(repository), fleet).then((checkout) => tipsOf(checkout, "origin", fleet))
    : openClone(root, fleet.git).then((clone) =>
        tipsOf(clone, reachable(fleet.git.url, stateLayout(state).git), fleet),
      );
  const tips = await asked.catch((error: Error) => error);
  const members = await membersNow(fleet.waves, tips instanceof Error ? new Map() : tips, stack, state);
  const message = tips instanceof Error ? `what the waves are at is not known: ${tips.message}` : undefined;
  const found = { fleet: fleet.name, healthy: !message && members.every(({ healthy }) => healthy), clusters: members };
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...found, ...(message ? { message } : {}) }, null, 2)}\n`
      : `${page(members)}${message ? `${message}\n` : ""}`,
  );
  if (!found.healthy) process.exitCode = exit.failed;
};

/** Full hash by branch of the waves, and of the trunk, that a repository has now. */
export const tipsOf = async ({ git }: Pick<Clone, "git">, place: string, { git: { branch }, waves }: Fleet) => {
  const refs = [branch, ...waves.map((wave) => wave.branch)].map((name) => `refs/heads/${name}`);
  const lines = (await git("ls-remote", "--", place, ...refs)).split("\n").filter(Boolean);
  return new Map(
    lines.map((line): [string, string] => {
      const [hash = "", ref = ""] = line.split("\t");
      return [ref.slice("refs/heads/".length), hash];
    }),
  );
};

/** The table, and beneath it what keeps clusters from being healthy. */
export const page = (members: readonly MemberStatus[]): string =>
  [
    table(
      ["CLUSTER", "", "WAVE", "COMMIT", "APPS"],
      members.map(({ cluster, healthy, wave, reachable: answers, apps }) => [
        cluster,
        healthy ? pc.green("✔") : pc.red("✖"),
        wave,
        [...new Set(apps.filter((app) => app.wave).map(({ commit }) => commit.slice(0, 10) || "none"))].join(" "),
        answers ? `${apps.filter((app) => app.healthy).length} of ${apps.length}` : "unreachable",
      ]),
    ),
    ...members.flatMap(({ cluster, problems }) => problems.map((problem) => `  ${cluster}: ${problem}\n`)),
    `${members.filter(({ healthy }) => healthy).length} of ${members.length} clusters are healthy\n`,
  ].join("");

/** Takes a commit to the waves; without `--yes` it tells what would move. */
export const fleetRollout = async ({
  stack,
  repository,
  to,
  yes,
}: FleetOptions & { readonly repository: string; readonly to?: string; readonly yes: boolean }): Promise<void> => {
  const state = stateFolder();
  const fleet = await loadFleet(stack);
  const folder = resolve(repository);
  const checkout = await checkoutOf(folder, fleet);
  await rolledOut(fleet, checkout, {
    ...(to ? { to } : {}),
    yes,
    say: (text) => void process.stdout.write(`${text}\n`),
    look: (wave, commit) => membersNow([wave], new Map([[wave.branch, commit]]), stack, state),
    tips: () => tipsOf(checkout, "origin", fleet),
  });
};

// A wave's branch in another repository would move nothing, and be in the way there.
const checkoutOf = async (folder: string, { git }: Fleet): Promise<Clone> => {
  const { url } = git;
  const checkout = await openClone(folder, git);
  const origin = await checkout.ask("remote", "get-url", "origin");
  const named = (place: string) => basename(place.replace(/\/$/, ""), ".git");
  if (origin !== undefined && named(origin) === named(url)) return checkout;
  const what = origin === undefined ? "it has no remote origin" : `its origin is ${origin}`;
  throw new Failure("NO_CHECKOUT", `${folder}: ${what}, and the fleet's apps are in ${url}`, {
    wayOut: `git clone ${url}, and --repository with its folder`,
  });
};
