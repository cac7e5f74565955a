// The one place that starts Pulumi: the CLI as a subprocess, on a local file backend with a generated passphrase.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { helmOf } from "../components/delivery/seen.ts";
import { root, stateFolder, stateLayout } from "../engine/folders.ts";
import { programFolder } from "../engine/program-folder.ts";
import { resolve } from "../engine/resolve.ts";
import { versions } from "../engine/versions.ts";
import { Failure } from "./failure.ts";
import { passThrough } from "./pass-through.ts";
import { pulumiPrograms } from "./program-steps.ts";
import { hint, tellWayOut } from "./pulumi-ways.ts";
import { remotesEnvironment } from "./remotes.ts";

/** Everything that tells the CLI where its state, plug-ins and secrets are. The person's own variables win. */
export const pulumiEnvironment = async (state: string, stack?: string): Promise<Record<string, string>> => {
  // Loads the whole library, which `stop` has no use for.
  const stackLayers = await import("./stack-layers.ts");
  const implementations = await stackLayers.implementationsOfStack(stack ?? "local");
  const charts = implementations.includes("helm");
  const helm = helmOf[implementations.includes("argo-cd") ? "argo-cd" : "flux"];
  const programs = await resolve([...pulumiPrograms, ...(charts ? [helm] : [])]);
  const bin = await programFolder(programs.values());
  const folder = stateLayout(state).pulumi;
  const home = join(folder, "home");
  const backend = join(folder, "backend");
  await mkdir(backend, { recursive: true, mode: 0o700 });
  await ensurePassphrase(join(folder, "passphrase"));
  const temporary = await ensureTemporary(join(folder, "tmp"));
  await ensureNoLogs(join(home, "logs"));
  await ensurePlugin(home, programs.get("pulumi-resource-kubernetes")?.path ?? "");
  const defaults: Record<string, string> = {
    PULUMI_BACKEND_URL: pathToFileURL(backend).href,
    ...(process.env.PULUMI_CONFIG_PASSPHRASE === undefined
      ? { PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "passphrase") }
      : {}),
    ...(stack ? { PULUMI_STACK: stack } : {}),
  };
  return {
    ...defaults,
    ...Object.fromEntries(
      Object.entries(process.env).filter((entry): entry is [string, string] => entry[0] in defaults && !!entry[1]),
    ),
    PATH: [dirname(process.execPath), bin, process.env.PATH].join(":"),
    PULUMI_HOME: home,
    // The provider leaves a copy of the kubeconfig, key included, in its temporary folder at each run.
    TMPDIR: temporary,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // The provider's own 50 requests a second are for a cluster that is shared; priority and fairness of the API server
    // keep a large `up` from starving anybody.
    PULUMI_K8S_CLIENT_QPS: "1000",
    PULUMI_K8S_CLIENT_BURST: "2000",
    PLUMBLINE_KUBECONFIG: stateLayout(state).kubeconfig.ci,
    PLUMBLINE_CEL: join(bin, "plumbline-cel"),
    PLUMBLINE_KUSTOMIZE: join(bin, "kustomize"),
    ...(charts && { PLUMBLINE_HELM: join(bin, helm) }),
    PLUMBLINE_RENDERINGS: join(state, "renderings"),
    PLUMBLINE_REPOSITORIES: stateLayout(state).git,
    ...remotesEnvironment(stack ?? "local"),
    PLUMBLINE_CRDS: await stackLayers.definitionsFor(implementations),
  };
};

/** A run is over within the hour: what is older was left behind. */
const ensureTemporary = async (folder: string): Promise<string> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const left = join(folder, name);
    const found = await stat(left).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 3_600_000) await rm(left, { recursive: true, force: true });
  }
  return folder;
};

/**
 * A file in the place of the folder for the CLI's automatic logs, which it then leaves out. They are the debug log of every run, properties of
 * all objects included: a tenth of the time of `up`, and some 15 MB on the disk.
 */
const ensureNoLogs = async (place: string): Promise<void> => {
  const found = await stat(place).catch(() => undefined);
  if (found?.isFile()) return;
  await rm(place, { recursive: true, force: true });
  await mkdir(dirname(place), { recursive: true });
  await writeFile(
    place,
    "Pulumi's automatic logs are off; `plumbline pulumi --logtostderr -v=9 preview` shows them.\n",
  );
};

const ensurePassphrase = async (file: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // wx: an existing passphrase is never replaced, or the state's secrets are lost.
  await writeFile(file, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    },
  );
  if (((await stat(file)).mode & 0o077) !== 0) {
    throw new Failure("PASSPHRASE_READABLE", `${file} can be read by others.`, { wayOut: `chmod 600 '${file}'` });
  }
};

const ensurePlugin = async (home: string, program: string): Promise<void> => {
  const folder = join(home, "plugins", `resource-kubernetes-v${versions["pulumi-kubernetes"]}`);
  const link = join(folder, "pulumi-resource-kubernetes");
  await mkdir(folder, { recursive: true });
  await rm(link, { force: true });
  await symlink(program, link);
};

/** Pulumi's own file of a stack, ignored by Git: the salt of its secrets, and what `config set` wrote. */
export const stackConfig = (stack: string): string => join(root, "stacks", "config", `Pulumi.${stack}.yaml`);

/** Makes the stack where it is missing. */
export const ensureStack = async (state: string, stack: string): Promise<void> => {
  const env = await pulumiEnvironment(state);
  const { stdout } = await runPulumi(["stack", "ls", "--json"], env);
  const stacks = JSON.parse(stdout) as { name: string }[];
  if (stacks.some(({ name }) => name === stack)) return;
  await forgetSalt(stack);
  await runPulumi(["stack", "init", stack, "--non-interactive"], env);
};

// The salt belongs to a state that is gone, and would be taken for a wrong passphrase.
const forgetSalt = async (stack: string): Promise<void> => {
  const file = stackConfig(stack);
  const text = await readFile(file, "utf8").catch(() => "");
  const kept = text.replace(/^encryptionsalt:.*\n?/m, "");
  if (kept === text) return;
  if (kept.trim() === "") await rm(file);
  else await writeFile(file, kept);
};

/** A failed run: its output's end is part of the message. */
export const runPulumi = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: { signal?: AbortSignal; exitCodes?: readonly number[]; line?: (text: string) => void } = {},
): Promise<{ stdout: string; exitCode: number }> => {
  const child = execa("pulumi", args, {
    cwd: root,
    env,
    reject: false,
    stdin: "ignore",
    all: true,
    maxBuffer: 256 * 1024 * 1024,
    // Pulumi writes its state down before it ends; killing it at once would leave pending operations.
    forceKillAfterDelay: 20_000,
    ...(options.signal ? { cancelSignal: options.signal } : {}),
  });
  if (options.line) {
    const { line } = options;
    (async () => {
      for await (const text of child.iterable({ from: "all" })) line(text);
    })().catch(() => {});
  }
  const result = await child;
  const exitCode = result.exitCode ?? 1;
  if (!(options.exitCodes ?? [0]).includes(exitCode)) {
    options.signal?.throwIfAborted();
    const tail = String(result.all ?? "")
      .trim()
      .split("\n")
      .slice(-40)
      .join("\n");
    throw new Failure("PULUMI_FAILED", `pulumi ${args.slice(0, 2).join(" ")} ended with ${exitCode}:\n${tail}`, {
      wayOut: hint(tail),
    });
  }
  return { stdout: String(result.stdout), exitCode };
};

/** `plumbline pulumi …`: any command of the CLI on this platform's state. */
export const pulumiCommand = async (rest: readonly string[]): Promise<void> => {
  const state = stateFolder();
  const selected = (await selectedStack(state)) ?? "local";
  const stack = stackIn(rest) ?? selected;
  const env = await pulumiEnvironment(state, stack);
  const looks = ["--help", "-h", "--preview-only"];
  const brings = ["up", "update"].includes(rest[0] ?? "") && !rest.some((word) => looks.includes(word));
  const acts = ["preview", "refresh", "destroy"].includes(rest[0] ?? "");
  if (!brings) return tellWayOut(await passThrough("pulumi", rest, env, acts));
  if (!(await isThere(state)) || stack !== selected)
    return (await import("./up-elsewhere.ts")).upElsewhere(stack, rest, env);
  await (await import("./stack-layers.ts")).refuseWithoutImages(stack, state);
  await (await import("./up.ts")).goOnWithUp({ state, stack, env }, async () => {
    const { withHandover } = await import("./handover.ts");
    return withHandover({ state, stack, env }, tell, async (variables) => {
      // Before Pulumi looks: it then finds the cluster as its state says, and changes only what the program changes.
      await repairBefore(stack, env);
      tellWayOut(await passThrough("pulumi", rest, variables, true));
      return !process.exitCode;
    });
  });
  if (!process.exitCode) {
    const { recordDeployment } = await import("./deployment-record.ts");
    await recordDeployment(state, stack);
    await (await import("./stack-layers.ts")).refreshFacts(stack, state);
  }
};

/** The stack that arguments of the CLI name. Exported for tests. */
export const stackIn = (words: readonly string[]): string | undefined => {
  const at = words.findIndex((word) => word === "--stack" || word === "-s");
  const named = at >= 0 ? words[at + 1] : words.find((word) => word.startsWith("--stack="))?.slice("--stack=".length);
  return named?.split("/").at(-1);
};

const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const isThere = (state: string): Promise<boolean> =>
  stat(stateLayout(state).kubeconfig.ci).then(
    () => true,
    () => false,
  );

/** Repairs what somebody added, and tells what it was. */
export const repairBefore = async (stack: string, env: Record<string, string>): Promise<void> => {
  const { repair } = await import("./repair.ts");
  for (const { object, fields } of await repair(stack, env)) {
    for (const { field, manager } of fields) tell(`repaired ${object}: ${field}, written by ${manager}`);
  }
};

/** The stack that this platform runs; undefined before the first start. */
export const selectedStack = async (state: string): Promise<string | undefined> =>
  readFile(join(stateLayout(state).pulumi, "stack"), "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );

/** Remembers which stack this platform runs, for `status` and `plumbline pulumi`. */
export const rememberStack = (state: string, stack: string): Promise<void> =>
  writeFile(join(stateLayout(state).pulumi, "stack"), `${stack}\n`);
