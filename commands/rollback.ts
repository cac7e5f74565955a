// `plumbline rollback`: takes an app back to what it was before its last change, by a commit like any other.
import { resolve } from "node:path";
import { stateFolder } from "../engine/folders.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { appFiles, type Checkout, openCheckout, usualCheckout } from "./checkout.ts";
import { Failure } from "./failure.ts";
import { selectedStack } from "./pulumi.ts";

export interface RollbackOptions {
  readonly stack?: string;
  /** Checkout of the app's repository. Default: the one of the local platform where it serves that repository, else this folder. */
  readonly repository?: string;
  /** Revision whose files the app gets. Default: the one before its last change. */
  readonly to?: string;
  /** Without it, what would change is listed, and nothing is committed. */
  readonly yes: boolean;
  /** Push the commit as well. */
  readonly push: boolean;
}

/** Makes the commit, or tells what it would be. */
export const rollback = async (app: string, options: RollbackOptions): Promise<void> => {
  const state = stateFolder();
  const stack = options.stack ?? (await selectedStack(state)) ?? "local";
  const files = appFiles(await loadStack(stack), stack, app);
  const checkout = await openCheckout(resolve(options.repository ?? usualCheckout(state, files.url)), files);
  process.stdout.write(await rolledBack(checkout, app, files.path, options));
};

/** Line of a message that says what a rollback went back to: the next one begins there. */
const trailer = "Rolled-back-to";

/** What a rollback says on standard output. @throws Failure when there is nothing to go back to */
export const rolledBack = async (
  { folder, branch, git, ask }: Checkout,
  app: string,
  path: string,
  { to, yes, push }: Pick<RollbackOptions, "to" | "yes" | "push">,
): Promise<string> => {
  const target = to ?? (await beforeLastChange(git, path));
  const wanted = target && (await ask("rev-parse", "--verify", "--quiet", "--end-of-options", `${target}^{commit}`));
  if (!wanted || !(await ask("rev-parse", "--verify", "--quiet", `${wanted}:${path}`)))
    throw new Failure(
      "NOTHING_BEFORE",
      `${folder}: ${to ? `${to} has no ${path}` : `nothing was at ${path} before its last change`}.`,
      {
        wayOut: `name a commit that has it: git log -- ${path}, and --to`,
      },
    );
  const changes = await git("diff", "--stat", "HEAD", wanted, "--", path);
  if (!changes)
    throw new Failure("NOTHING_BEFORE", `${path} is as it was at ${wanted.slice(0, 10)}.`, {
      wayOut: "name another with --to",
    });
  const undone = await git("log", "--format=%h %s", `${wanted}..HEAD`, "--", path);
  const told = `${app} goes back to ${wanted.slice(0, 10)}, without\n${indented(undone)}\n${changes}\n`;
  if (!yes) {
    const seen = `plumbline diff ${app} --repository ${folder} --from HEAD --to ${wanted.slice(0, 10)}`;
    return `${told}Object by object: ${seen}\nNothing was committed. To do it: plumbline rollback ${app} --yes${push ? " --push" : ""}\n`;
  }
  await git("restore", `--source=${wanted}`, "--staged", "--worktree", "--", path);
  const subject = `Roll ${app} back to ${wanted.slice(0, 10)}`;
  await git(
    "commit",
    "--quiet",
    "--message",
    subject,
    "--message",
    `Without:\n${indented(undone)}`,
    "--message",
    `${trailer}: ${wanted}`,
  );
  const commit = (await git("rev-parse", "HEAD")).slice(0, 10);
  if (push) await git("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
  const rest = push ? `pushed to ${branch}` : `not pushed: git -C ${folder} push origin ${branch}`;
  return `${told}Committed ${commit}, ${rest}\n`;
};

const indented = (text: string): string => text.replace(/^/gm, "  ");

// After a rollback, the commit that it went back to counts as the last change: a second one goes on, and not forth again.
const beforeLastChange = async (git: Checkout["git"], path: string): Promise<string | undefined> => {
  for (let from = "HEAD"; ; ) {
    const line = await git("log", "-1", `--format=%H %(trailers:key=${trailer},valueonly)`, from, "--", path);
    const [last, to] = line.trim().split(/\s+/);
    if (!last) return undefined;
    if (!to) return `${last}~1`;
    from = to;
  }
};
