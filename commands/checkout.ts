// Where does a command that writes a commit work? In a person's own checkout, with the person's own Git: name, hooks, signature.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { execa } from "execa";
import type { AppDeclaration, AppsDeclaration } from "../components/delivery/declaration.ts";
import { folderOf, pathIn } from "../components/delivery/discover.ts";
import type { Definition } from "../components/index.ts";
import { type Source, sourceOf } from "../components/settings.ts";
import { stateLayout } from "../engine/folders.ts";
import { repository } from "../local/example.ts";
import { Failure } from "./failure.ts";

/** A clone of a repository on this machine. */
export interface Clone {
  readonly folder: string;
  /** Runs Git there. @throws Failure with what it said */
  readonly git: (...args: string[]) => Promise<string>;
  /** The same, without an error: undefined where Git refuses. */
  readonly ask: (...args: string[]) => Promise<string | undefined>;
  /** The same as `git`, with what it reads and finds in its environment. */
  readonly run: (args: readonly string[], more: RunOptions) => Promise<string>;
}

/** What Git gets besides its arguments. */
export interface RunOptions {
  /** Default: nothing. */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** A checkout of the branch that an app follows, with nothing else in it that would be committed. */
export interface Checkout extends Clone {
  readonly branch: string;
}

/** Where the files of an app are. */
export interface AppFiles {
  readonly url: string;
  readonly branch: string;
  /** Folder within the repository. */
  readonly path: string;
}

/** What a stack says of where an app comes from. */
export interface DeclaredFiles {
  readonly declaration: AppDeclaration | AppsDeclaration;
  readonly source: Source;
  /** Folder within the repository. */
  readonly path: string;
}

/**
 * What a stack says of an app. One of `apps()` is the folder of its name.
 *
 * @throws Failure when there is no such app
 */
export const declaredFiles = ({ settings }: Definition, stack: string, name: string): DeclaredFiles => {
  for (const each of settings.apps) {
    if (each.declared === "app" && each.name !== name) continue;
    const given = each.declared === "app" ? each.source : each;
    const path = each.declared === "app" ? folderOf(each.source.path) : pathIn(folderOf(each.path.slice(0, -1)), name);
    return { declaration: each, source: sourceOf(settings, given), path };
  }
  const names = settings.apps.flatMap((each) => (each.declared === "app" ? [each.name] : []));
  throw new Failure("NO_APP", `There is no app "${name}" in stack ${stack}. There are: ${names.join(", ")}`, {
    wayOut: "name one of these",
  });
};

/**
 * Where the files of an app of a stack are.
 *
 * @throws Failure when there is no such app, or it follows no branch
 */
export const appFiles = (definition: Definition, stack: string, name: string): AppFiles => {
  const { source, path } = declaredFiles(definition, stack, name);
  const { url, revision } = source;
  if ("branch" in revision) return { url, branch: revision.branch, path };
  throw new Failure(
    "NO_BRANCH",
    `The app "${name}" of stack ${stack} follows ${JSON.stringify(revision)}, no branch.`,
    { wayOut: `change its source.revision in stacks/${stack}.ts` },
  );
};

/** The folder in which a person works on a repository: the local platform's example checkout where it is that one, else this. */
export const usualCheckout = (state: string, url: string): string => {
  const { example } = stateLayout(state);
  return basename(new URL(url).pathname) === repository && existsSync(example) ? example : ".";
};

/** The clone in a folder or around it. @throws Failure when there is none */
export const openClone = async (folder: string, { url, branch }: Pick<AppFiles, "url" | "branch">): Promise<Clone> => {
  const start = (args: readonly string[], { input, env }: RunOptions = {}) =>
    execa("git", args, {
      cwd: folder,
      reject: false,
      ...(input === undefined ? { stdin: "ignore" as const } : { input }),
      ...(env && { env }),
    });
  const ask: Clone["ask"] = async (...args) => {
    const { exitCode, stdout } = await start(args);
    return exitCode === 0 ? stdout : undefined;
  };
  const run: Clone["run"] = async (args, more) => {
    const { exitCode, stdout, stderr, message } = await start(args, more);
    if (exitCode === 0) return stdout;
    throw new Failure("GIT_FAILED", `git ${args[0]} in ${folder}: ${stderr || message}`, {
      wayOut: "mend what Git names",
    });
  };
  if ((await ask("rev-parse", "--is-inside-work-tree")) !== "true")
    throw noCheckout(folder, "it is no checkout of Git", cloneOf({ url, branch }));
  const top = await run(["rev-parse", "--show-toplevel"], {});
  return top && top !== folder
    ? openClone(top, { url, branch })
    : { folder, ask, run, git: (...args) => run(args, {}) };
};

const noCheckout = (folder: string, what: string, wayOut: string) =>
  new Failure("NO_CHECKOUT", `${folder}: ${what}`, { wayOut });
const cloneOf = ({ url, branch }: Pick<AppFiles, "url" | "branch">) =>
  `git clone --branch ${branch} ${url}, and --repository with its folder`;

/**
 * The checkout in a folder.
 *
 * @throws Failure when it is none, has changes of its own, is on another branch, or has nothing of the app
 */
export const openCheckout = async (given: string, files: AppFiles): Promise<Checkout> => {
  const { url, branch, path } = files;
  const clone = await openClone(given, files);
  const { folder, git, ask } = clone;
  const wrong = (what: string, wayOut: string) => noCheckout(folder, what, wayOut);
  const on = await ask("symbolic-ref", "--short", "HEAD");
  if (on !== branch)
    throw wrong(`it is on ${on ?? "no branch"}, and the app follows ${branch}`, `git switch ${branch}`);
  if (await git("status", "--porcelain", "--untracked-files=no"))
    throw wrong("it has changes that are not committed", "commit them or put them away: git stash");
  if (!(await ask("rev-parse", "--verify", "--quiet", `HEAD:${path}`)))
    throw wrong(`it has nothing at ${path}, where the app of ${url} is`, cloneOf(files));
  return { ...clone, branch };
};
