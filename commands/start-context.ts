// `plumbline start --context`: the same platform on a cluster that exists. No local cluster, no Git server: the person
// names a repository that the cluster can reach and a registry that holds the images.

import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { withLock } from "../engine/lock.ts";
import { runPlan } from "../engine/progress.ts";
import { connect } from "../local/kubernetes-api.ts";
import { appStatuses } from "./app-status.ts";
import { connectContext } from "./context.ts";
import { exit, Failure } from "./failure.ts";
import { planPrograms, pulumiPrograms } from "./program-steps.ts";
import { ensureStack, pulumiEnvironment, rememberStack, runPulumi } from "./pulumi.ts";
import type { StartOptions } from "./start.ts";
import { typeCheck } from "./type-check.ts";

const stack = "existing";

/** Applies the stack `existing` to the cluster of a context. @throws Failure naming each option that is missing */
export const startOnContext = async (options: StartOptions & { context: string }): Promise<void> => {
  const { context, git, registry } = options;
  if (!git) {
    throw new Failure(
      "NO_REPOSITORY",
      "--context needs a Git repository that the cluster can reach, with the manifests of the app under apps/hello.",
      {
        wayOut: `npm start -- --context ${context} --git https://git.example.com/you/platform.git${registry ? "" : " --registry registry.example.com/mirror"}`,
        exitCode: exit.usage,
      },
    );
  }
  const { api, kubeconfig, version } = await connectContext({ context });
  api.close();
  process.stderr.write(`Context ${context}: ${api.server}, Kubernetes ${version}\n`);

  const state = stateFolder();
  await mkdir(stateLayout(state).pulumi, { recursive: true, mode: 0o700 });
  const plan = await planPrograms(pulumiPrograms);
  await withLock(
    stateLayout(state).lock,
    { purpose: "starts the platform", waiting: ({ pid }) => process.stderr.write(`waiting for process ${pid}\n`) },
    () =>
      runPlan([
        ...plan.steps,
        { title: "Check the types of the stacks", seconds: 5, run: (_, signal) => typeCheck(signal) },
        {
          title: `pulumi up of stack ${stack} on ${context}`,
          seconds: 60,
          run: async (say, signal) => {
            await ensureStack(state, stack);
            await rememberStack(state, stack);
            const env = await pulumiEnvironment(state, stack);
            const settings = { kubeconfig, context, git, ...(registry ? { registry } : {}) };
            for (const [key, value] of Object.entries(settings)) {
              await runPulumi(["config", "set", `plumbline:${key}`, value, "--stack", stack], env);
            }
            await runPulumi(
              ["up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs"],
              env,
              { signal, line: (text) => say(text.trim().slice(0, 80)) },
            );
          },
        },
        {
          title: "Wait until every app is delivered",
          seconds: 30,
          run: (say, signal) => waitForApps(kubeconfig, context, say, signal),
        },
      ]),
  );
  process.stdout.write(`
The platform is on ${context}. Its agent follows ${git}.

Look     kubectl --context ${context} get kustomizations -A
Check    npx plumbline pulumi preview --refresh --expect-no-changes
Remove   npx plumbline pulumi destroy
`);
};

/** Seconds that the first delivery may take: images may have to be pulled. */
const deliveryBound = 300;

const waitForApps = async (
  kubeconfig: string,
  context: string,
  say: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  const api = await connect(kubeconfig, context);
  try {
    for (const until = performance.now() + deliveryBound * 1000; ; await sleep(500, undefined, { signal })) {
      const apps = await appStatuses(api, stateFolder(), () => undefined);
      const waiting = apps.find(({ healthy }) => !healthy);
      if (apps.length > 0 && !waiting) return;
      const reason = waiting ? `${waiting.name}: ${waiting.message}` : "no app is there yet";
      say(reason);
      if (performance.now() > until) {
        throw new Failure("APP_NOT_DELIVERED", `not within ${deliveryBound} s: ${reason}`, {
          wayOut: `mend it in the repository and push, or look: kubectl --context ${context} get kustomizations -A`,
        });
      }
    }
  } finally {
    api.close();
  }
};
