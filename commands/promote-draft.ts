// How does a commit come about that nobody has checked out? In an index of its own: the person's files stay as they are.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clone } from "./checkout.ts";
import { Failure } from "./failure.ts";

/** What becomes of files, by path: what is in them then; null where one goes. */
export type Changes = ReadonlyMap<string, string | Uint8Array | null>;

/** The commit at the tip of a branch: at `origin` as it is now, or where there is none, here. */
export const tipOf = async ({ git, ask }: Clone, branch: string): Promise<string> => {
  const from = (await ask("remote", "get-url", "origin")) === undefined ? "refs/heads" : "refs/remotes/origin";
  if (from !== "refs/heads") await git("fetch", "--quiet", "origin", `+refs/heads/${branch}:${from}/${branch}`);
  return git("rev-parse", "--verify", "--end-of-options", `${from}/${branch}^{commit}`);
};

/** Makes a commit on top of one, in no branch. It is signed where the person signs commits. */
export const draftOf = async (
  { run, git, ask }: Clone,
  base: string,
  changes: Changes,
  message: string,
): Promise<string> => {
  const scratch = await mkdtemp(join(tmpdir(), "plumbline-draft-"));
  const env = { GIT_INDEX_FILE: join(scratch, "index") };
  try {
    await run(["read-tree", base], { env });
    const lines: string[] = [];
    for (const [path, bytes] of changes) {
      // What was a program stays one.
      const [mode = "100644"] = (await git("ls-tree", "-z", base, "--", path)).split(" ").filter(Boolean);
      const blob = bytes === null ? "" : await run(["hash-object", "-w", "--stdin"], { input: bytes });
      lines.push(bytes === null ? `0 ${"0".repeat(base.length)}\t${path}\0` : `${mode} ${blob}\t${path}\0`);
    }
    await run(["update-index", "-z", "--index-info"], { env, input: lines.join("") });
    const tree = await run(["write-tree"], { env });
    const signed = (await ask("config", "--type=bool", "commit.gpgSign")) === "true" ? ["-S"] : [];
    return await run(["commit-tree", ...signed, "-p", base, tree], { input: message });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

/**
 * Puts a branch onto a draft. One that holds the same on the same commit is left as it is.
 *
 * @returns the commit at its tip
 * @throws Failure when there is another branch of that name
 */
export const putBranch = async ({ folder, git, ask }: Clone, branch: string, draft: string): Promise<string> => {
  const known = await ask("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`);
  if (known === undefined) {
    await git("update-ref", "--create-reflog", `refs/heads/${branch}`, draft, "0".repeat(draft.length));
    return draft;
  }
  const holds = (commit: string) => git("rev-parse", `${commit}^{tree}`, `${commit}^@`);
  if ((await holds(known)) === (await holds(draft))) return known;
  throw new Failure("BRANCH_EXISTS", `${folder}: there is a branch ${branch} already, and it holds something else.`, {
    wayOut: `look: git log ${branch}; then git branch -D ${branch}, or name another with --branch`,
  });
};
