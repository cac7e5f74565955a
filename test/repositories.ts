// Makes Git repositories for tests, with whatever is in them.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const folders: string[] = [];
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Content by path; a link as `{ link: target }`, null removes. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly link: string } | null>>;

export interface TestRepository {
  readonly folder: string;
  readonly git: (...args: string[]) => string;
  /** Commits some files on top of what is there. Returns the full hash. */
  readonly commit: (files: Files) => string;
}

/** A repository on branch `main` with one commit. */
export const repositoryWith = (files: Files): TestRepository => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-test-repository-"));
  folders.push(folder);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const commit = (changed: Files) => {
    for (const [path, content] of Object.entries(changed)) {
      const file = join(folder, path);
      rmSync(file, { recursive: true, force: true });
      if (content === null) continue;
      mkdirSync(dirname(file), { recursive: true });
      if (typeof content === "string" || content instanceof Uint8Array) writeFileSync(file, content);
      else symlinkSync(content.link, file);
    }
    git("add", "--all");
    git("commit", "--quiet", "--message", "a change");
    return git("rev-parse", "HEAD");
  };
  git("init", "--quiet", "--initial-branch", "main");
  commit(files);
  return { folder, git, commit };
};
