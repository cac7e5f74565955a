// Where does a command that writes a commit work? In a person's own checkout, with the person's own Git: name, hooks, signature.
import { execa } from "execa";
import { folderOf, pathIn } from "../components/delivery/discover.ts";
import type { Definition } from "../components/index.ts";
import { sourceOf } from "../components/settings.ts";
import { Failure } from "./failure.ts";

/** A checkout of the branch that an app follows, with nothing else in it that would be committed. */
export interface Checkout {
  readonly folder: string;
  readonly branch: string;
  /** Runs Git there. @throws Failure with what it said */
  readonly git: (...args: string[]) => Promise<string>;
  /** The same, without an error: undefined where Git refuses. */
  readonly ask: (...args: string[]) => Promise<string | undefined>;
}

/** Where the files of an app are. */
export interface AppFiles {
  readonly url: string;
  readonly branch: string;
  /** Folder within the repository. */
  readonly path: string;
}

/**
 * Where the files of an app of a stack are. One of `apps()` is the folder of its name.
 *
 * @throws Failure when there is no such app, or it follows no branch
 */
export const appFiles = ({ settings }: Definition, stack: string, name: string): AppFiles => {
  for (const each of settings.apps) {
    if (each.declared === "app" && each.name !== name) continue;
    const given = each.declared === "app" ? each.source : each;
    const { url, revision } = sourceOf(settings, given);
    const path = each.declared === "app" ? folderOf(each.source.path) : pathIn(folderOf(each.path.slice(0, -1)), name);
    if ("branch" in revision) return { url, branch: revision.branch, path };
    throw new Failure(
      "NO_BRANCH",
      `The app "${name}" of stack ${stack} follows ${JSON.stringify(revision)}, no branch.`,
      {
        wayOut: `change its source.revision in stacks/${stack}.ts`,
      },
    );
  }
  const names = settings.apps.flatMap((each) => (each.declared === "app" ? [each.name] : []));
  throw new Failure("NO_APP", `There is no app "${name}" in stack ${stack}. There are: ${names.join(", ")}`, {
    wayOut: "name one of these",
  });
};

/**
 * The checkout in a folder.
 *
 * @throws Failure when it is none, has changes of its own, is on another branch, or has nothing of the app
 */
export const openCheckout = async (folder: string, { url, branch, path }: AppFiles): Promise<Checkout> => {
  const run = (args: readonly string[]) => execa("git", args, { cwd: folder, reject: false, stdin: "ignore" });
  const ask: Checkout["ask"] = async (...args) => {
    const { exitCode, stdout } = await run(args);
    return exitCode === 0 ? stdout : undefined;
  };
  const git: Checkout["git"] = async (...args) => {
    const { exitCode, stdout, stderr, message } = await run(args);
    if (exitCode === 0) return stdout;
    throw new Failure("GIT_FAILED", `git ${args[0]} in ${folder}: ${stderr || message}`, {
      wayOut: "mend what Git names",
    });
  };
  const wrong = (what: string, wayOut: string) => new Failure("NO_CHECKOUT", `${folder}: ${what}`, { wayOut });
  const clone = `git clone --branch ${branch} ${url}, and --repository with its folder`;
  if ((await ask("rev-parse", "--is-inside-work-tree")) !== "true") throw wrong("it is no checkout of Git", clone);
  const top = (await git("rev-parse", "--show-toplevel")) || folder;
  if (top !== folder) return openCheckout(top, { url, branch, path });
  const on = await ask("symbolic-ref", "--short", "HEAD");
  if (on !== branch)
    throw wrong(`it is on ${on ?? "no branch"}, and the app follows ${branch}`, `git switch ${branch}`);
  if (await git("status", "--porcelain", "--untracked-files=no"))
    throw wrong("it has changes that are not committed", "commit them or put them away: git stash");
  if (!(await ask("rev-parse", "--verify", "--quiet", `HEAD:${path}`)))
    throw wrong(`it has nothing at ${path}, where the app of ${url} is`, clone);
  return { folder, branch, git, ask };
};
