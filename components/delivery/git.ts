// How is Git run, without running anything that a repository, its owner or the environment slipped in?
import { execFile } from "node:child_process";

/** The environment without anything that configures Git, and with settings that keep it from running other programs. */
export const cleanEnvironment = (
  variables: Readonly<Record<string, string>> = {},
  more: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv => {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_") && name !== "SSH_ASKPASS");
  const settings = Object.entries({
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "credential.helper": "store", // built into Git; reads ~/.git-credentials
    "protocol.ext.allow": "never",
    // A server that has stopped answering is given up before the bound of the whole.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "30",
    "safe.directory": "*", // whose files they are does not matter: nothing of them is run
    ...more,
  });
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    ...variables,
  };
};

interface GitOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
  /** Seconds that it may take. Default: 15. */
  readonly bound?: number;
  /** What it reads, instead of nothing. */
  readonly input?: string;
  /** Exit codes that are no failure. Default: 0. */
  readonly done?: readonly number[];
}

/** Runs Git in a clean environment. @throws Error with what Git said */
export const git = async (args: readonly string[], options: GitOptions): Promise<string> =>
  (await gitBytes(args, options)).toString().trimEnd();

/** The same, for output that is no text. */
export const gitBytes = (
  args: readonly string[],
  { cwd, env = {}, settings = {}, bound = 15, input = "", done = [] }: GitOptions,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = {
      cwd,
      env: cleanEnvironment(env, settings),
      timeout: bound * 1000,
      maxBuffer: 1 << 30,
      encoding: "buffer",
    } as const;
    const child = execFile("git", [...args], options, (error, stdout, stderr) => {
      if (!error || done.includes(Number(error.code))) return resolve(stdout);
      const said = stderr.toString().trim() || (error.killed ? `no answer within ${bound} s` : error.message);
      const lines = said.split("\n").map((line) => line.trim());
      // What SSH says of a key stands before what Git makes of it.
      const telling = lines.find((line) => /^fatal: |denied|verification failed/.test(line)) ?? lines.at(-1);
      reject(new Error(`git ${args[0]}: ${telling}`));
    });
    child.stdin?.on("error", () => {}); // a Git that is gone is reported by its end
    child.stdin?.end(input);
  });
