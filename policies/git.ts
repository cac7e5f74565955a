// What does Git say of a clone, without running anything that the clone, its owner or the environment slipped in?
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "../components/delivery/git.ts";

/** What is deployed has to be this. */
export interface Declared {
  readonly url: string;
  readonly branch: string;
}

/**
 * All that speaks against a clone being a commit of the declared branch of the declared remote; empty where nothing does.
 *
 * @param folder any folder within the clone
 */
export const provenanceProblems = async (folder: string, { url, branch }: Declared): Promise<string[]> => {
  const scratch = await mkdtemp(join(tmpdir(), "plumbline-provenance-"));
  try {
    const within = (...args: string[]) => git(args, { cwd: folder });
    const [top = "", common = "", commit = ""] = (
      await within("rev-parse", "--path-format=absolute", "--show-toplevel", "--git-common-dir", "HEAD")
    ).split("\n");
    // A repository of our own over the same objects: no hook, filter, alias or command of the clone's configuration is in
    // it, and its index knows no file that was marked as "assume unchanged".
    await git(["init", "--quiet", "--bare", scratch], { cwd: folder });
    const clean = (...args: string[]) =>
      git(args, {
        cwd: top,
        env: { GIT_DIR: scratch, GIT_WORK_TREE: top, GIT_ALTERNATE_OBJECT_DIRECTORIES: join(common, "objects") },
      });
    await clean("read-tree", commit);
    await clean("update-ref", "--no-deref", "HEAD", commit);
    const changes = (await clean("status", "--porcelain", "--untracked-files=all", "--ignore-submodules=none"))
      .split("\n")
      .filter(Boolean);
    const problems = changes.length > 0 ? [`${top} has changes that are in no commit: ${listed(changes)}`] : [];
    const settings = await headersFor(folder);
    const tip = (await git(["ls-remote", "--", url, `refs/heads/${branch}`], { cwd: scratch, settings })).split(
      /\s/,
    )[0];
    if (!tip) return [...problems, `${url} has no branch ${branch}`];
    if (tip !== commit) {
      const known = await git(["fetch", "--quiet", "--no-tags", "--", url, `refs/heads/${branch}`], {
        cwd: scratch,
        settings,
        env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: join(common, "objects") },
      }).then(() => clean("merge-base", commit, tip).catch(() => ""));
      if (known !== commit) problems.push(`commit ${commit.slice(0, 12)} is not on branch ${branch} of ${url}`);
    }
    return problems;
  } catch (error) {
    return [`cannot tell: ${(error as Error).message}`];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

const listed = (changes: readonly string[]): string =>
  changes
    .slice(0, 5)
    .map((line) => line.slice(3))
    .join(", ") + (changes.length > 5 ? ` and ${changes.length - 5} more` : "");

// CI systems leave the credential of a checkout as a header in its configuration: data, which runs nothing. It is handed on
// in the environment, where other people's `ps` does not see it.
const headersFor = async (folder: string): Promise<Record<string, string>> => {
  const lines = await git(["config", "--get-regexp", "^http\\..*extraheader$"], { cwd: folder }).catch(() => "");
  const headers = lines
    .split("\n")
    .filter(Boolean)
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]);
  return Object.fromEntries(headers);
};
