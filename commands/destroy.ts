// `plumbline destroy`: takes the platform off its cluster, in an order that leaves nothing hanging. Data stays unless it is
// asked for by name: a namespace with volumes is kept, and listed.
import { setTimeout as sleep } from "node:timers/promises";
import pc from "picocolors";
import { stateFolder } from "../engine/folders.ts";
import { runPlan, type Step } from "../engine/progress.ts";
import { readCluster } from "../local/cluster-status.ts";
import type { Api } from "../local/kubernetes-api.ts";
import { type Desired, desiredObjects } from "./desired.ts";
import { Failure } from "./failure.ts";
import { declaresCluster, madeByControllers, removeMade, toldMade } from "./made-by-controllers.ts";
import { pulumiEnvironment, runPulumi, selectedStack } from "./pulumi.ts";
import { hanging, nameOf, read, remove, unlessGone } from "./removal.ts";
import { connectStack } from "./stack-api.ts";
import { goOnWithUp } from "./up.ts";

export interface DestroyOptions {
  /** Default: the one that runs. One on another cluster is named. */
  readonly stack?: string;
  /** Remove the namespaces that hold volumes as well, and what is in them. */
  readonly deleteData: boolean;
  /** Without it, what would go and what would stay is listed, and nothing is changed. */
  readonly yes: boolean;
}

/** Seconds for everything that runs; then what hangs is named. */
const bound = 60;

/** Seconds for a cluster at a cloud: nodes drain, and a control plane alone takes ten minutes. */
const boundOfCloud = 45 * 60;

/** A namespace that stays, because volumes are in it. */
interface Kept {
  readonly namespace: string;
  readonly volumes: readonly { readonly name: string; readonly size: string; readonly volume: string }[];
}

/**
 * Removes what the stack declares.
 *
 * @throws Failure `HANGS` that names the objects which are not gone within a minute, and what holds them
 */
export const destroy = async ({ stack: named, deleteData, yes }: DestroyOptions): Promise<void> => {
  const state = stateFolder();
  if (!named && !readCluster(state)) {
    throw new Failure("NOT_RUNNING", "The local platform of this clone is not running.", { wayOut: "npm start" });
  }
  const stack = named ?? (await selectedStack(state)) ?? "local";
  const env = await pulumiEnvironment(state, stack);
  const { stdout } = await runPulumi(["stack", "export", "--stack", stack, "--show-secrets"], env);
  const api = await connectStack(stack, stdout);
  try {
    const clusterGoes = declaresCluster(stdout);
    const made = clusterGoes ? await madeByControllers(api) : [];
    const objects = await desiredObjects(stdout, api);
    const kept = await volumesOf(api, keptNamespaces(stdout));
    if (!yes) {
      process.stdout.write(
        `${objects.length} objects of stack ${stack} would be removed.\n${toldMade(made)}${told(kept, deleteData)}`,
      );
      process.stdout.write(
        `Nothing was changed. To do it: plumbline destroy --yes${deleteData ? " --delete-data" : ""}\n`,
      );
      return;
    }
    await goOnWithUp({ state, stack, env }, async () => {
      await runPlan([
        ...(deleteData && kept.length > 0 ? [removeData(api, kept)] : []),
        ...(clusterGoes
          ? [
              removeMade(
                api,
                kept.map(({ namespace }) => namespace),
              ),
            ]
          : []),
        removeRest(api, stack, env, objects, clusterGoes ? boundOfCloud : bound),
      ]);
      return true;
    });
    process.stdout.write(deleteData ? "Nothing of the platform is left on the cluster.\n" : told(kept, false));
  } finally {
    api.close();
  }
};

interface Exported {
  readonly deployment?: {
    readonly resources?: readonly {
      readonly type: string;
      readonly retainOnDelete?: boolean;
      readonly inputs?: { readonly metadata?: { readonly name?: string } };
    }[];
  };
}

const keptNamespaces = (exported: string): string[] =>
  ((JSON.parse(exported) as Exported).deployment?.resources ?? [])
    .filter(({ type, retainOnDelete }) => type === "kubernetes:core/v1:Namespace" && retainOnDelete)
    .flatMap(({ inputs }) => inputs?.metadata?.name ?? []);

// By the volumes and not by the claims: those of a class that retains outlive claims and namespaces.
const volumesOf = async (api: Api, namespaces: readonly string[]): Promise<Kept[]> => {
  const volumes = await api.list("/api/v1/persistentvolumes");
  return namespaces.map((namespace) => ({
    namespace,
    volumes: volumes
      .filter(({ spec }) => spec.claimRef?.namespace === namespace)
      .map(({ metadata, spec }) => ({
        name: String(spec.claimRef.name),
        size: String(spec.capacity.storage),
        volume: metadata.name,
      })),
  }));
};

const told = (kept: readonly Kept[], goes: boolean): string =>
  kept
    .map(({ namespace, volumes }) => {
      const list = volumes.map(({ name, size }) => `    ${name}  ${size}\n`).join("");
      return `${goes ? pc.red("goes, with its data") : pc.green("stays")}  Namespace ${namespace}, ${volumes.length} volumes\n${list}`;
    })
    .join("") +
  (kept.length > 0 && !goes
    ? "The next start finds them again; `plumbline destroy --yes --delete-data` removes them.\n"
    : "");

// Before the rest: what removes a volume, the provisioner, is part of the platform.
const removeData = (api: Api, kept: readonly Kept[]): Step => ({
  title: "Remove namespaces with data",
  seconds: 10,
  run: async (say, signal) => {
    const volumes = kept.flatMap((each) => each.volumes.map(({ volume }) => `/api/v1/persistentvolumes/${volume}`));
    const goes = { spec: { persistentVolumeReclaimPolicy: "Delete" } };
    await Promise.all(
      volumes.map((path) => api.send("PATCH", path, goes, "application/merge-patch+json").catch(unlessGone)),
    );
    await Promise.all(kept.map(({ namespace }) => remove(api, `/api/v1/namespaces/${namespace}`)));
    const paths = [...kept.map(({ namespace }) => `/api/v1/namespaces/${namespace}`), ...volumes];
    for (const until = performance.now() + bound * 1000; ; await sleep(200, undefined, { signal })) {
      const left = (await Promise.all(paths.map((path) => read(api, path)))).filter((object) => object !== undefined);
      if (left.length === 0) return;
      say(`${left.length} left, of them ${nameOf(left[0])}`);
      if (performance.now() > until) throw hanging(left, bound);
    }
  },
});

const removeRest = (
  api: Api,
  stack: string,
  env: Record<string, string>,
  objects: readonly Desired[],
  seconds: number,
): Step => ({
  title: `pulumi destroy of stack ${stack}`,
  seconds: seconds / 2,
  run: async (say, signal) => {
    const limit = AbortSignal.timeout(seconds * 1000);
    const line = (text: string) => {
      const [, name] = text.match(/^\s*-\s+(\S+\s+\S+)\s+delet/) ?? [];
      if (name) say(name);
    };
    const args = ["destroy", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", "--color=never"];
    // Written down once and not after each of some two hundred objects, which took half of the time. Killed in between, the
    // state names objects that are gone: the next run finds them so.
    // Where a cluster goes each step is written down: what it leaves at a cloud is found by its state alone.
    const once = seconds === bound ? { ...env, PULUMI_SKIP_CHECKPOINTS: "true" } : env;
    await runPulumi([...args, "--refresh=false", "--parallel=64"], once, {
      signal: AbortSignal.any([signal, limit]),
      line,
    }).catch(async (error: unknown) => {
      if (!limit.aborted) throw error;
      const found = await Promise.all(objects.map(({ path }) => read(api, path)));
      const going = found.filter((object) => object?.metadata.deletionTimestamp !== undefined);
      throw hanging(
        going.flatMap((object) => object ?? []),
        seconds,
      );
    });
  },
});
