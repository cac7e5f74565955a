// The example repository: a bare repository that the Git server serves, and a checkout that a person edits and pushes from.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { root, stateLayout } from "../engine/folders.ts";

/** Name of the repository on the Git server. */
export const repository = "platform.git";
/** The one branch that the agent follows; the server refuses to rewrite or delete it. */
export const branch = "main";

/** Git without anything of the person's configuration: no hooks, signing, templates or rewritten addresses. */
export const git = async (folder: string, ...args: readonly string[]): Promise<string> => {
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const { stdout } = await promisify(execFile)("git", args, {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...environment,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_AUTHOR_NAME: "plumbline",
      GIT_AUTHOR_EMAIL: "plumbline@localhost",
      GIT_COMMITTER_NAME: "plumbline",
      GIT_COMMITTER_EMAIL: "plumbline@localhost",
    },
  });
  return stdout.trimEnd();
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Makes the bare repository with the example app, and the token for pushes, where they are missing.
 *
 * @param stack its folder beside the app's manifests, where there is one, has those that differ: they use its layers
 */
export const ensureExampleRepository = async (state: string, stack: string): Promise<void> => {
  const { git: folder } = stateLayout(state);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const token = join(folder, "token");
  if (!(await exists(token))) await writeFile(token, randomBytes(24).toString("base64url"), { mode: 0o600 });
  const bare = join(folder, repository);
  if (await exists(bare)) return;

  const draft = join(folder, "draft");
  const draftBare = join(folder, "draft.git");
  for (const left of [draft, draftBare]) await rm(left, { recursive: true, force: true });
  for (const folder of ["manifests", stack]) {
    const manifests = join(root, "examples", "hello", folder);
    if (await exists(manifests)) await cp(manifests, join(draft, "apps", "hello"), { recursive: true });
  }
  await cp(join(root, "examples", "keeper", "manifests"), join(draft, "apps", "keeper"), { recursive: true });
  await writeFile(join(draft, "README.md"), readme);
  await git(draft, "init", "--quiet", `--initial-branch=${branch}`);
  await git(draft, "add", "--all");
  await git(draft, "commit", "--quiet", "--message", "The example app");
  await git(folder, "clone", "--quiet", "--bare", draft, draftBare);
  await git(draftBare, "config", "http.receivepack", "true");
  await git(draftBare, "config", "receive.denyNonFastForwards", "true");
  await git(draftBare, "config", "receive.denyDeletes", "true");
  await git(draftBare, "remote", "remove", "origin");
  await rm(draft, { recursive: true });
  await rename(draftBare, bare);
};

/**
 * Makes the checkout, or points an existing one at the server's present port; what a person has changed in it stays.
 *
 * @param url the repository as the host reaches it, without credentials
 */
export const ensureExampleCheckout = async (state: string, url: string): Promise<void> => {
  const { git: folder, example } = stateLayout(state);
  const credentials = join(folder, "credentials");
  const address = new URL(url);
  address.username = "plumbline";
  address.password = (await readFile(join(folder, "token"), "utf8")).trim();
  await writeFile(credentials, `${address.origin.replace("//", `//plumbline:${address.password}@`)}\n`, {
    mode: 0o600,
  });
  if (!(await exists(join(example, ".git")))) {
    const draft = join(folder, "draft-checkout");
    await rm(draft, { recursive: true, force: true });
    await git(folder, "clone", "--quiet", join(folder, repository), draft);
    await git(draft, "config", "user.name", "you");
    await git(draft, "config", "user.email", "you@localhost");
    // An inherited helper would store this platform's token among the person's own credentials.
    await git(draft, "config", "--add", "credential.helper", "");
    await git(draft, "config", "--add", "credential.helper", `store --file='${credentials}'`);
    await git(draft, "config", "push.default", "current");
    await rename(draft, example);
  }
  await git(example, "remote", "set-url", "origin", url);
};

const readme = `# Example platform repository

The agent delivers each folder under \`apps/\` that a stack names. Change a manifest, commit, push: the cluster follows.
`;
