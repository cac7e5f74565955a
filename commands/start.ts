// `plumbline start`: from nothing to an app that answers, in steps that a killed run leaves in a state to go on from.
import { createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Definition } from "../components/index.ts";
import { cacheFolder, stateFolder, stateLayout } from "../engine/folders.ts";
import { withLock } from "../engine/lock.ts";
import { programsFor } from "../engine/programs.ts";
import { runPlan, type Step } from "../engine/progress.ts";
import { destroyBootstrap, isNew, readCluster, startCluster } from "../local/cluster.ts";
import { branch, ensureExampleCheckout, ensureExampleRepository } from "../local/example.ts";
import { gitServerParts, gitUrl } from "../local/git-process.ts";
import { imagesFor } from "../local/images.ts";
import { connect } from "../local/kubernetes-api.ts";
import { admissionManifests } from "../policies/admission.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { type AppStatus, appStatuses } from "./app-status.ts";
import { recordDeployment } from "./deployment-record.ts";
import { exposedForwards, urlsOfApps } from "./exposed.ts";
import { Failure } from "./failure.ts";
import { withHandover } from "./handover.ts";
import { writePlatformFile } from "./platform-file.ts";
import { planPrograms } from "./program-steps.ts";
import { ensureStack, pulumiEnvironment, rememberStack, runPulumi } from "./pulumi.ts";
import { furnishRegistry } from "./registry.ts";
import { definitionsFor, factsOf, imageNames, implementationsOf, implementationsOfStack } from "./stack-layers.ts";
import { startOnContext } from "./start-context.ts";
import { readStatus, status } from "./status.ts";
import { typeCheck } from "./type-check.ts";
import { goOnWithUp, unfinishedUp } from "./up.ts";

export interface StartOptions {
  readonly stack: string;
  readonly nodes: number;
  readonly context?: string;
  readonly git?: string;
  readonly registry?: string;
}

/** Brings the platform up and prints what runs; a platform that runs already is left as it is. */
export const start = async (options: StartOptions): Promise<void> => {
  if (options.context) return startOnContext({ ...options, context: options.context });
  const state = stateFolder();
  await mkdir(state, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new Failure("STATE_NOT_WRITABLE", `${state} cannot be made: ${cause.message}`, {
      wayOut: "make the clone writable, or name another folder: PLUMBLINE_STATE=/some/folder npm start",
      cause,
    });
  });
  await withLock(
    stateLayout(state).lock,
    {
      purpose: "starts the platform",
      waiting: ({ pid, purpose }) => process.stderr.write(`Process ${pid} ${purpose} in this clone; waiting for it.\n`),
    },
    () => startLocal(state, options),
  );
};

const startLocal = async (state: string, { stack, nodes }: StartOptions): Promise<void> => {
  const running = readCluster(state);
  const settled = running?.phase === "running" && (await isSettled(state));
  if (settled) {
    process.stderr.write("The platform is already running; nothing was changed.\n\n");
    const { nodes: there, stack: runs } = await readStatus(state);
    if (nodes !== there.length) {
      process.stderr.write(
        `It has ${there.length} nodes; for ${nodes}: npm stop -- --keep && npm start -- --nodes ${nodes}\n\n`,
      );
    }
    if (stack !== runs) {
      process.stderr.write(`It runs stack ${runs}; for ${stack}: npm stop && npm start -- --stack ${stack}\n\n`);
    }
    return status({ json: false });
  }
  let definition: Definition;
  const programs = await planPrograms(programsFor(await implementationsOfStack(stack)));
  const layout = stateLayout(state);
  const git = await gitServerParts();
  const steps: Step[] = [
    {
      title: `Check stack ${stack}`,
      seconds: 1,
      run: async (_, signal) => {
        // The compiler first: it names the line, where the checks of the values know only the field.
        await typeCheck(signal);
        definition = await loadStack(stack);
      },
    },
    ...programs.steps,
    {
      title: "Start the cluster",
      seconds: 8,
      run: async (say, signal) => {
        await ensureExampleRepository(state, stack);
        // Neither asks the cluster for anything, and both fit into its waits.
        const prepared = Promise.all([definitionsFor(implementationsOf(definition)), ensureStack(state, stack)]);
        prepared.catch(() => {});
        const cluster = await startCluster({
          state,
          nodes,
          programs: await programs.folder(),
          imageCache: join(cacheFolder(), "images"),
          images: imagesFor(implementationsOf(definition)),
          forwards: [git.forward, ...exposedForwards(definition)],
          processes: [git.process],
          mounts: git.mounts,
          staticManifests: admissionManifests({
            repository: definition.settings.git.url,
            exemptions: definition.settings.exemptions ?? [],
          }),
          say,
          signal,
        });
        await ensureExampleCheckout(state, gitUrl(cluster.forwards.git ?? ""));
        await prepared;
      },
    },
    {
      title: `pulumi up of stack ${stack}`,
      seconds: 12,
      run: async (say, signal) => {
        await writePlatformFile(state, { ...factsOf(definition, stack), images: imageNames(definition) });
        await rememberStack(state, stack);
        await bringUpFurnished(state, stack, definition, say, signal);
        await recordDeployment(state, stack);
        await destroyBootstrap(state);
      },
    },
    {
      title: "Wait until every app is delivered and every layer is ready",
      seconds: 6,
      run: (say, signal) => waitForApps(state, say, signal),
    },
  ];
  await mkdir(layout.log, { recursive: true });
  await runPlan(steps);
  await status({ json: false });
  process.stdout.write(await guide(state));
};

// A start that was killed between two steps leaves a cluster that runs and a platform that is not there.
const isSettled = async (state: string): Promise<boolean> => {
  if (await stat(unfinishedUp(state)).catch(() => undefined)) return false;
  const apps = await readApps(state).catch(() => []);
  return apps.length > 0 && apps.every(({ commit }) => commit !== "");
};

const readApps = async (state: string): Promise<AppStatus[]> => {
  const api = await connect(stateLayout(state).kubeconfig.developer);
  try {
    return await appStatuses(api, state, urlsOfApps(state));
  } finally {
    api.close();
  }
};

const bringUp = async (
  state: string,
  stack: string,
  say: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  const env = {
    ...(await pulumiEnvironment(state, stack)),
    // The first state is written down once and not after each of its objects, which takes a third of the time. Killed in
    // between, the next start begins with none again: server-side apply adopts the objects that are there.
    ...((await isNew(state)) && { PULUMI_SKIP_CHECKPOINTS: "true" }),
  };
  const args = [
    "up",
    "--stack",
    stack,
    "--yes",
    "--skip-preview",
    "--non-interactive",
    "--color=never",
    "--suppress-outputs",
    "--parallel=64",
  ];
  const log = createWriteStream(join(stateLayout(state).log, "pulumi.log"), { mode: 0o600 });
  const line = (text: string) => {
    log.write(`${new Date().toISOString()} ${text}\n`);
    const [, action, type, name] = text.match(/^\s*[+~@-]*\s*(\S+)\s+(\S+)\s+(creat\w+|updat\w+|delet\w+)/) ?? [];
    if (action && type) say(`${name ?? action} ${type}`);
  };
  const run = { state, stack, env };
  await goOnWithUp(run, () =>
    withHandover(run, say, async (variables) => {
      await runPulumi(args, variables, { signal, line });
      return true;
    }),
  ).finally(() => log.end());
};

/** The example's image is pushed as soon as its registry answers, which is before the app is delivered. */
const bringUpFurnished = async (
  state: string,
  stack: string,
  definition: Definition,
  say: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  const failed = new AbortController();
  const up = bringUp(state, stack, say, signal);
  const furnished = furnishRegistry(state, definition, up, AbortSignal.any([signal, failed.signal]));
  furnished.catch(() => {});
  await up.catch((cause) => {
    failed.abort();
    throw cause;
  });
  await furnished;
};

/** Seconds that the agent may take for the first delivery; it takes about 4. */
const deliveryBound = 180;

const waitForApps = async (state: string, say: (detail: string) => void, signal: AbortSignal): Promise<void> => {
  for (const until = performance.now() + deliveryBound * 1000; ; await sleep(100, undefined, { signal })) {
    const { phase, apps, layers, message } = await readStatus(state);
    if (phase === "running" && (await answers(apps))) return;
    const app = apps.find(({ healthy }) => !healthy);
    const layer = layers.find(({ ready }) => !ready);
    const waiting = app
      ? `${app.name}: ${app.message ?? "not delivered yet"}`
      : layer
        ? `${layer.slot}: ${layer.message ?? "not ready"}`
        : (message ?? "no app answers yet");
    say(waiting);
    if (performance.now() > until) {
      if (!app && layer) {
        throw new Failure("LAYER_NOT_READY", `not within ${deliveryBound} s: ${waiting}`, {
          wayOut: `look at its pods: npx plumbline kubectl get pods -A; then npm start goes on`,
        });
      }
      throw new Failure("APP_NOT_DELIVERED", `not within ${deliveryBound} s: ${waiting}`, {
        wayOut: "mend its manifests in the repository and push; plumbline status tells how it goes",
      });
    }
  }
};

const answers = async (apps: readonly AppStatus[]): Promise<boolean> => {
  const checks = apps
    .filter(({ url }) => url !== "")
    .map(({ url }) =>
      fetch(url, { signal: AbortSignal.timeout(2000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  return (await Promise.all(checks)).every(Boolean);
};

const guide = async (state: string): Promise<string> => {
  const { example } = stateLayout(state);
  const [app] = await readApps(state);
  return `
Look     curl ${app?.url ?? ""}
         npx plumbline status        npx plumbline kubectl get pods -A
Change   cd ${example}
         edit apps/${app?.name ?? "hello"}/config.yaml, then: git commit -am 'Say something else' && git push origin ${branch}
Check    npx plumbline drift         npx plumbline pulumi preview
Stop     npm stop                    (npm stop -- --keep keeps the data)
`;
};
