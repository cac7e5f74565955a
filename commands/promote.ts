// `plumbline promote`: the version of an app in one environment goes to another, by a branch with a commit and a text for its review.
import { resolve } from "node:path";
import pc from "picocolors";
import { stateFolder } from "../engine/folders.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { appFiles, type Clone, openClone, usualCheckout } from "./checkout.ts";
import { Failure } from "./failure.ts";
import { readPlatformFile } from "./platform-file.ts";
import { putBranch } from "./promote-draft.ts";
import { textOfPromotion } from "./promote-text.ts";
import { type Delivered, type Draft, oneVersion, promotionDraft, titleOf } from "./promotion.ts";
import { openRenderers } from "./renderers.ts";
import { readStatus } from "./status.ts";

export interface PromoteOptions {
  /** Stack whose app has the version. */
  readonly from: string;
  /** Stack whose app gets it. */
  readonly to: string;
  /** Clone of the repository that is written to. Default: as for a rollback. */
  readonly repository?: string;
  /** Default: `promote/<app>-<version>`. */
  readonly branch?: string;
  /** Push the branch as well. */
  readonly push: boolean;
  /** Also where the app is not healthy in `from`. */
  readonly force: boolean;
  readonly json: boolean;
}

/** What `--json` prints. */
export interface PromotionReport extends Draft {
  /** Name of the branch, and the commit at its tip; empty where there is nothing to promote. */
  readonly branch: string;
  readonly commit: string;
  readonly pushed: boolean;
  /** Of the pull request. */
  readonly title: string;
  readonly body: string;
}

/** Makes the branch and tells what a reviewer needs. */
export const promote = async (app: string, options: PromoteOptions): Promise<void> => {
  const state = stateFolder();
  const [from, to] = [
    { stack: options.from, definition: await loadStack(options.from) },
    { stack: options.to, definition: await loadStack(options.to) },
  ];
  const files = appFiles(to.definition, to.stack, app);
  const clone = await openClone(resolve(options.repository ?? usualCheckout(state, files.url)), files);
  const delivered = await deliveredIn(state, from.stack, app, options.force);
  const judge = await openRenderers(state, to.stack);
  try {
    const draft = await promotionDraft({ app, from: { ...from, ...(delivered && { delivered }) }, to }, clone, judge);
    const report = await carriedOut(draft, clone, options);
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : told(report));
    if (!options.json && report.branch) process.stderr.write(`${whereNow(report, clone)}\n`);
  } finally {
    judge.close();
  }
};

/** Puts the branch onto the draft, and pushes it where that is asked for. */
export const carriedOut = async (
  draft: Draft,
  clone: Clone,
  { branch: named, push }: Pick<PromoteOptions, "branch" | "push">,
): Promise<PromotionReport> => {
  const { made } = draft;
  const title = titleOf(draft);
  if (!made) return { ...draft, branch: "", commit: "", pushed: false, title: "", body: "" };
  const branch = named ?? branchOf(draft);
  const commit = await putBranch(clone, branch, made.commit);
  if (push) await clone.git("push", "--quiet", "origin", `refs/heads/${branch}:refs/heads/${branch}`);
  return { ...draft, branch, commit, pushed: push, title, body: textOfPromotion(draft) };
};

/** One version gives the branch its name, several the commit that they come from. */
const branchOf = (draft: Draft): string =>
  `promote/${draft.app}-${(oneVersion(draft) ?? draft.from.commit.slice(0, 12)).replace(/[^\w.+-]/g, "-")}`;

const told = ({ app, from, to, branch, left, title, body }: PromotionReport): string =>
  branch
    ? `${title}\n\n${body}`
    : `${pc.green("✔")} Nothing to promote: ${app} has the same versions in ${to.stack} as in ${from.stack}.\n${left.map((each) => `  ! ${each}\n`).join("")}`;

const whereNow = ({ branch, commit, pushed }: PromotionReport, { folder }: Clone): string =>
  `Branch ${branch} at ${commit.slice(0, 10)}, ${pushed ? "pushed to origin" : `not pushed: git -C ${folder} push origin ${branch}`}`;

/** What the platform of this clone says of the app, where it runs that stack. @throws Failure when the app is not healthy */
const deliveredIn = async (
  state: string,
  stack: string,
  app: string,
  force: boolean,
): Promise<Delivered | undefined> => {
  if ((await readPlatformFile(state))?.stack !== stack) return undefined;
  const { apps, phase, message } = await readStatus(state);
  if (phase === "stopped") return undefined;
  const found = apps.find(({ name }) => name === app);
  if (found?.healthy) return { commit: found.commit, ...(found.since && { since: found.since }) };
  if (force) return undefined;
  const why = found?.message ?? message ?? "its platform does not know it yet";
  throw new Failure("NOT_HEALTHY", `${app} is not healthy in ${stack}: ${why}`, {
    wayOut: "mend it first; --force promotes what its branch says all the same",
  });
};
