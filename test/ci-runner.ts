// How does a machine of GitHub or GitLab run a job? A new checkout, then the job's scripts in order, in the shell that the
// host gives them. What is an action of GitHub is no script: it is named, and what the host would do stands in for it.
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { load } from "js-yaml";

/** How a job ended. */
export interface Ran {
  readonly exitCode: number;
  /** What its scripts said. */
  readonly log: string;
  /** The actions that were not run, without their digests. */
  readonly actions: readonly string[];
}

interface Step {
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface GitlabJob {
  readonly variables: Readonly<Record<string, string>>;
  readonly before_script: readonly string[];
  readonly script: readonly string[];
  readonly after_script?: readonly string[];
}

/** What a job runs in. */
export interface Machine {
  /** Checkout of the commit that the job is about. */
  readonly folder: string;
  /** What the host's settings and the tokens of a cloud come to here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the checkout came from. */
  readonly repository: string;
}

const bash = (options: readonly string[], script: string, { folder, environment }: Machine) =>
  execa("bash", [...options, "-c", script], {
    cwd: folder,
    env: { ...environment },
    stdin: "ignore",
    reject: false,
    all: true,
  });

// The expressions of the workflow, by what they give here.
const evaluated = (values: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, text]) => [
      name,
      text.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
        const value = values[expression];
        if (value === undefined) throw new Error(`the workflow asks for ${expression}, which is not known here`);
        return value;
      }),
    ]),
  );

/** Runs a job of GitHub's workflow. @param values of its expressions */
export const runGithubJob = async (
  workflow: string,
  name: string,
  machine: Machine,
  values: Readonly<Record<string, string>>,
): Promise<Ran> => {
  const { jobs } = load(workflow) as { jobs: Record<string, { env: Record<string, string>; steps: Step[] }> };
  const job = jobs[name];
  if (!job) throw new Error(`no job ${name}`);
  let exitCode = 0;
  const log: string[] = [];
  const actions: string[] = [];
  for (const { if: condition = "success()", uses, with: settings, run, env } of job.steps) {
    if (uses) {
      actions.push(uses.replace(/@.*/, ""));
      // The first checkout is there; another is asked for by its path.
      if (settings?.path) {
        const place = join(machine.folder, String(settings.path));
        await execa("git", ["clone", "--quiet", `--branch=${settings.ref}`, machine.repository, place]);
      }
    } else if (run && (condition === "always()" || condition === (exitCode === 0 ? "success()" : "failure()"))) {
      const environment = { ...machine.environment, ...evaluated(values, job.env), ...evaluated(values, env) };
      const ended = await bash(["-e"], run, { ...machine, environment });
      log.push(String(ended.all));
      exitCode ||= ended.exitCode ?? 1;
    }
  }
  return { exitCode, log: log.join("\n"), actions };
};

/** Runs a job of GitLab's pipeline: all of its lines in one shell, and in another what follows however it ended. */
export const runGitlabJob = async (pipeline: string, name: string, machine: Machine): Promise<Ran> => {
  const job = (load(pipeline) as Record<string, GitlabJob>)[name];
  if (!job) throw new Error(`no job ${name}`);
  const environment = { ...job.variables, ...machine.environment };
  const script = [...job.before_script, ...job.script].join("\n");
  const ended = await bash(["-eo", "pipefail"], script, { ...machine, environment });
  const exitCode = ended.exitCode ?? 1;
  const told = { ...environment, CI_JOB_STATUS: exitCode === 0 ? "success" : "failed" };
  const followed = await bash(["-eo", "pipefail"], (job.after_script ?? []).join("\n"), {
    ...machine,
    environment: told,
  });
  // At GitLab it changes nothing about the job; here it has to end well.
  if (followed.exitCode !== 0) throw new Error(`after_script of ${name}:\n${followed.all}`);
  return { exitCode, log: `${ended.all}\n${followed.all}`, actions: [] };
};

/** What `gh` was asked to write: the words, and the text of the file that they name. */
export interface Written {
  readonly words: readonly string[];
  readonly body: string;
}

/** Programs that stand in for what is not on this machine, or may not be asked by a test. */
export interface StandIns {
  /** To be first in PATH. */
  readonly bin: string;
  /** What `gh` wrote at the host since the last look. */
  readonly written: () => Promise<Written[]>;
}

const ghScript = (journal: string) => `#!${process.execPath}
const { appendFileSync, readFileSync } = require("node:fs");
const words = process.argv.slice(2);
const file = words[words.indexOf("--body-file") + 1];
const known = () => { try { return readFileSync(${JSON.stringify(journal)}, "utf8"); } catch { return ""; } };
if (words[0] === "issue" && words[1] === "list") {
  if (known().includes('"issue","create"')) console.log(1);
} else if (/^(pr comment|issue create)$/.test(words.slice(0, 2).join(" "))) {
  appendFileSync(${JSON.stringify(journal)}, JSON.stringify({ words, body: readFileSync(file, "utf8") }) + "\\n");
} else {
  console.error("gh stands in for two commands, and was asked: " + words.join(" "));
  process.exit(64);
}
`;

/**
 * Makes the stand-ins: `gh` writes into a journal, `aws s3 cp` reads a folder in the place of a bucket, and `apt-get`
 * installs nothing.
 */
export const standIns = async (folder: string): Promise<StandIns> => {
  const bin = join(folder, "bin");
  const journal = join(folder, "written.jsonl");
  await mkdir(bin, { recursive: true });
  const programs = {
    gh: ghScript(journal),
    aws: `#!/bin/sh\n[ "$1 $2 $4" = "s3 cp -" ] || exit 64\nexec cat "\${3#file://}"\n`,
    "apt-get": "#!/bin/sh\nexit 0\n",
  };
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(bin, name), text);
    await chmod(join(bin, name), 0o755);
  }
  return {
    bin,
    written: async () => {
      const text = await readFile(journal, "utf8").catch(() => "");
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Written);
    },
  };
};
