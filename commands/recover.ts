// `plumbline recover`: makes a state anew that was lost or damaged. What it takes in is told by the cluster: the record of the last
// deployment names the commit, and each object names who applied it. Objects are adopted where they are, and none is made again.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pc from "picocolors";
import { root, stateFolder, stateLayout } from "../engine/folders.ts";
import { runPlan } from "../engine/progress.ts";
import { readCluster } from "../local/cluster-status.ts";
import { git } from "../local/example.ts";
import { type Api, connect } from "../local/kubernetes-api.ts";
import { type KeptSecrets, keptSecretsVariable } from "../stacks/shared/kept.ts";
import { type Deployment, readDeployment, recordDeployment } from "./deployment-record.ts";
import { desiredObjects } from "./desired.ts";
import { owner } from "./drift.ts";
import { Failure } from "./failure.ts";
import { setAside, stateCondition } from "./lost-state.ts";
import { type Managed, managedObjects } from "./managed.ts";
import { pulumiEnvironment, runPulumi, selectedStack } from "./pulumi.ts";
import { goOnWithUp } from "./up.ts";

export interface RecoverOptions {
  /** Default: the one that runs. */
  readonly stack?: string;
  /** Without it, what would be taken in is listed, and nothing is changed. */
  readonly yes: boolean;
  /** Go on although the cluster was deployed from another commit than this clone is at. */
  readonly otherCommit: boolean;
}

/**
 * Makes the state, and says what became of each object.
 *
 * @throws Failure `NO_RECORD`, `OTHER_COMMIT` where nobody knows what the state was of, or it was of something else
 */
export const recover = async ({ stack: named, yes, otherCommit }: RecoverOptions): Promise<void> => {
  const state = stateFolder();
  if (!readCluster(state)) {
    throw new Failure("NOT_RUNNING", "The local platform of this clone is not running.", { wayOut: "npm start" });
  }
  const stack = named ?? (await selectedStack(state)) ?? "local";
  const env = await pulumiEnvironment(state, stack);
  const condition = await stateCondition(stack, env);
  if (condition.is === "whole") {
    process.stdout.write(
      `The state of stack ${stack} is whole: ${condition.resources} resources. Nothing is to be recovered; \`plumbline drift\` compares it with the cluster.\n`,
    );
    return;
  }
  const api = await connect(stateLayout(state).kubeconfig.ci);
  try {
    const record = await readDeployment(api, stack);
    if (!record) {
      throw new Failure("NO_RECORD", `The cluster has no record that stack ${stack} was ever brought up there.`, {
        wayOut: "npm start",
      });
    }
    await refuseOtherCommit(stack, record, otherCommit);
    const before = await declaredLive(api);
    process.stdout.write(
      `The state of stack ${stack} is ${condition.is}: ${condition.why}.\n` +
        `The cluster was last deployed ${deployedFrom(record)}, and holds ${before.length} objects of it.\n`,
    );
    if (!yes) {
      process.stdout.write("Nothing was changed. To take them into a new state: plumbline recover --yes\n");
      return;
    }
    const kept = condition.is === "damaged" ? await setAside(stack, state, env) : undefined;
    if (kept) process.stdout.write(`What is left of the state was put to ${kept}\n`);
    await takeIn({ stack, state, env, created: condition.is !== "empty" }, secretsOf(before));
    await recordDeployment(state, stack);
    const { stdout } = await runPulumi(["stack", "export", "--stack", stack], env);
    const inState = new Set((await desiredObjects(stdout, api)).map(({ name }) => name));
    process.stdout.write(report(before, await declaredLive(api), inState));
  } finally {
    api.close();
  }
};

const deployedFrom = ({ revision, clean, actor, at }: Deployment): string =>
  `from ${revision.slice(0, 10) || "no commit"}${clean ? "" : " and changes that were not committed"} by ${actor} at ${at}`;

// The program of another commit would make, change and leave out objects, under the name of a recovery.
const refuseOtherCommit = async (stack: string, record: Deployment, allowed: boolean): Promise<void> => {
  const head = await git(root, "rev-parse", "HEAD").catch(() => "");
  if (allowed || record.revision === "" || record.revision === head) return;
  throw new Failure(
    "OTHER_COMMIT",
    `Stack ${stack} was last deployed ${deployedFrom(record)}, and this clone is at ${head.slice(0, 10) || "no commit"}.`,
    {
      wayOut: `git checkout ${record.revision}, then again; or --other-commit, which brings the cluster onto this one`,
    },
  );
};

/** What the stack's provider applied: all that the manager has, but for the records of commands. */
const declaredLive = async (api: Api): Promise<Managed[]> =>
  (await managedObjects(api, owner)).filter(
    ({ object: { kind, metadata } }) =>
      !(kind === "ConfigMap" && metadata.namespace === "plumbline-system" && /^deployment-/.test(metadata.name)),
  );

const secretsOf = (objects: readonly Managed[]): KeptSecrets =>
  Object.fromEntries(
    objects
      .filter(({ object }) => object.kind === "Secret")
      .map(({ object: { metadata, data } }) => [`${metadata.namespace}/${metadata.name}`, data ?? {}]),
  );

interface Run {
  readonly stack: string;
  readonly state: string;
  readonly env: Record<string, string>;
  /** Whether the stack has to be made first. */
  readonly created: boolean;
}

const takeIn = async ({ stack, state, env, created }: Run, kept: KeptSecrets): Promise<void> => {
  const file = join(env.PULUMI_HOME ?? "", "kept-secrets.json");
  const quiet = ["--stack", stack, "--non-interactive", "--color=never"];
  await runPlan([
    {
      title: `Make the state of stack ${stack}`,
      seconds: 12,
      run: async (say, signal) => {
        // The salt in the stack's file stays as it is: with it and the passphrase, secrets of its configuration are read.
        if (created) await runPulumi(["stack", "init", stack, "--non-interactive"], env);
        try {
          await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
          // Server-side apply adopts what is there. Written down once: killed before, the state is empty, and is recovered again.
          const once = { ...env, [keptSecretsVariable]: file, PULUMI_SKIP_CHECKPOINTS: "true" };
          await goOnWithUp({ state, stack, env }, async () => {
            const args = ["up", ...quiet, "--yes", "--skip-preview", "--suppress-outputs", "--parallel=64"];
            await runPulumi(args, once, { signal, line: (text) => say(text.trim().slice(0, 80)) });
            return true;
          });
        } finally {
          await rm(file, { force: true });
        }
      },
    },
    {
      title: "See that a preview finds nothing to change",
      seconds: 5,
      run: async (_, signal) => {
        await runPulumi(["preview", ...quiet, "--refresh=false", "--expect-no-changes"], env, { signal });
      },
    },
  ]);
};

/** What became of the objects. Exported for tests. */
export const report = (before: readonly Managed[], after: readonly Managed[], inState: ReadonlySet<string>): string => {
  const was = new Map(before.map(({ name, uid }) => [name, uid]));
  const is = new Map(after.map(({ name, uid }) => [name, uid]));
  const adopted = before.filter(({ name, uid }) => is.get(name) === uid && inState.has(name));
  const lines = (title: string, names: readonly string[]) =>
    names.length === 0 ? "" : `${pc.yellow("≠")} ${title}:\n${names.map((name) => `    ${name}\n`).join("")}`;
  const namesOf = (objects: readonly Managed[]) => objects.map(({ name }) => name);
  return [
    `${pc.green("✔")} ${adopted.length} objects are in the new state, and are those that were there.\n`,
    lines("missing before, and made now", namesOf(after.filter(({ name }) => !was.has(name)))),
    lines("made again", namesOf(before.filter(({ name, uid }) => is.has(name) && is.get(name) !== uid))),
    lines(
      "there, and declared by nobody: remove by hand what nobody needs",
      namesOf(before.filter(({ name }) => is.has(name) && !inState.has(name))),
    ),
  ].join("");
};
