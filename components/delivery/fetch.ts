// How is something of elsewhere fetched? As agents do it for anybody: without a key, a token or a setting of this machine.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "./git.ts";
import type { ChartDependency } from "./remotes.ts";
import { rendererPath } from "./render-program.ts";

/** Seconds that a fetch may take. */
const bound = 120;

/** Bytes that a single file may have: far more than any list of manifests, less than what fills the memory. */
const maxBytes = 64 * 1024 * 1024;

/**
 * The file at a URL.
 *
 * @returns undefined where nothing is there for whoever asks
 * @throws Error with why it could not be asked for
 */
export const fetchFile = async (url: string): Promise<Buffer | undefined> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(bound * 1000) }).catch((error: Error) => {
    throw new Error(`${url} can't be fetched: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  });
  if (!response.ok) {
    await response.body?.cancel();
    return undefined;
  }
  const bytes = Buffer.from(await response.arrayBuffer());
  if (bytes.length > maxBytes) throw new Error(`${url} has ${bytes.length} bytes, and ${maxBytes} are the most`);
  return bytes;
};

/** Fetches what a ref of a repository is now into a folder, as Kustomize would. Returns the hash of the commit. */
export const fetchCommit = async (folder: string, repository: string, ref: string): Promise<string> => {
  // Nobody's password: the agent has none for it either.
  const at = (...args: string[]) => git(args, { cwd: folder, bound, settings: { "credential.helper": "" } });
  await at("init", "--quiet", "--bare");
  await at("fetch", "--quiet", "--depth=1", "--no-tags", "--", repository, ref).catch((error: Error) => {
    throw new Error(`${ref} of ${repository} can't be fetched: ${error.message}`);
  });
  const found = await at("rev-parse", "--verify", "FETCH_HEAD^{commit}");
  await at("update-ref", "refs/heads/fetched", found);
  return found;
};

/** Whether a ref may mean another commit tomorrow without anybody's fault: a branch does. */
export const movesOn = async (repository: string, ref: string): Promise<boolean> => {
  if (ref === "HEAD") return true;
  const settings = { "credential.helper": "" };
  const found = await git(["ls-remote", "--", repository, `refs/heads/${ref}`, `refs/tags/${ref}`], {
    cwd: tmpdir(),
    bound,
    settings,
  });
  return /refs\/heads\//.test(found) && !/refs\/tags\//.test(found);
};

/** Fetches the archive of a chart by Helm itself, which knows both kinds of repositories. @throws Error with what it said */
export const fetchChart = async ({
  repository,
  name,
  asked,
}: ChartDependency): Promise<{ readonly bytes: Buffer; readonly version: string }> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-chart-"));
  try {
    const where = repository.startsWith("oci://")
      ? [`${repository.replace(/\/$/, "")}/${name}`]
      : [name, "--repo", repository];
    await helm(folder, ["pull", ...where, "--version", asked, "--destination", folder]).catch((error: Error) => {
      throw new Error(`${name} ${asked} of ${repository} can't be fetched: ${error.message}`);
    });
    const archive = (await readdir(folder)).find((each) => each.endsWith(".tgz"));
    if (!archive) throw new Error(`${name} ${asked} of ${repository} came without an archive`);
    return {
      bytes: await readFile(join(folder, archive)),
      version: archive.slice(name.length + 1, -".tgz".length),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What of this machine's surroundings decides how a network is reached. */
const ofNetwork = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"];

const helm = (home: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const network = Object.fromEntries(ofNetwork.flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])));
    const env = { PATH: "/usr/bin:/bin", HOME: home, HELM_PLUGINS: "/nowhere", HELM_NO_PLUGINS: "1", ...network };
    execFile(rendererPath("helm"), [...args], { cwd: home, env, timeout: bound * 1000 }, (error, _, stderr) => {
      if (!error) return resolve();
      const said = stderr.toString().trim().split("\n").at(-1) || error.message;
      reject(new Error(error.killed ? `no answer within ${bound} s` : said.replace(/^Error: /, "")));
    });
  });
