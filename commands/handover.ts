// Who delivers an app from now on? An explicit hand-over from one agent to another, or to Pulumi: nothing is deleted, nothing
// restarts, and what was killed in between goes on with the next `up`.
import { setTimeout as sleep } from "node:timers/promises";
import { discover } from "../components/delivery/discover.ts";
import type { Definition } from "../components/platform.ts";
import { singleApps } from "../components/settings.ts";
import { stateLayout } from "../engine/folders.ts";
import { type Api, ApiError, connect } from "../local/kubernetes-api.ts";
import { loadStack } from "../stacks/shared/load.ts";
import { readRecords } from "./app-records.ts";
import { Failure } from "./failure.ts";
import { firstDelivery } from "./first-delivery.ts";
import { type Deliverer, handoverLabel, liveDeliverers, managersOf, merge, namespacePath } from "./handover-agents.ts";
import { heldObjects, release } from "./handover-release.ts";
import { findRemotes } from "./remotes.ts";
import { type Deployment, editState } from "./state.ts";

/**
 * Runs the work of an `up` with what a handover needs before and after it.
 *
 * @param work runs it with these variables, and says whether it has ended well
 * @throws Failure `HANDOVER` when an app is not taken over in time
 */
export const withHandover = async (
  { state, stack, env }: { readonly state: string; readonly stack: string; readonly env: Record<string, string> },
  say: (line: string) => void,
  work: (env: Readonly<Record<string, string>>) => Promise<boolean>,
): Promise<boolean> => {
  const api = await connect(stateLayout(state).kubeconfig.ci);
  try {
    // One that needs Pulumi's configuration is read by Pulumi alone.
    const declared = await loadStack(stack).catch(() => undefined);
    findRemotes(stack);
    const wanted = declared && (await wantedDeliverers(declared, env.PLUMBLINE_REPOSITORIES));
    for (const { name, to } of wanted ? await beginHandover(api, stack, env, wanted) : [])
      say(`handing over ${name} to ${to}`);
    // What stands at a cloud has to be in the state as soon as it is there; what is in this cluster is found by its name.
    const first =
      wanted && declared.settings.cluster.implementation === "embedded"
        ? await firstDelivery(api, state, new Set(wanted.keys()))
        : undefined;
    const done = await work({ ...env, ...first?.env });
    if (!done || !wanted) return done;
    for (const left of (await first?.end()) ?? []) say(`removed ${left}, of an \`up\` that was killed`);
    for (const { handover, left } of await finishHandover(api, wanted)) {
      say(`${handover.to} has taken over ${handover.name}`);
      for (const each of left) say(`${each} is not among what ${handover.to} delivers, and was left as it is`);
    }
    return true;
  } finally {
    api.close();
  }
};

/** An app that changes hands. */
export interface Handover {
  readonly namespace: string;
  readonly name: string;
  readonly to: Deliverer;
}

/**
 * Who is to deliver each app, by its namespace.
 *
 * @param local folder of repositories on this machine, where their URL is for the cluster
 */
export const wantedDeliverers = async (declared: Definition, local?: string): Promise<Map<string, Handover>> => {
  const known = declared.settings.apps.every((each) => each.declared === "app");
  const { settings, layers } = known ? declared : await discover(declared, local);
  return new Map(
    singleApps(settings).map(({ name, namespace = name, model }) => [
      namespace,
      { namespace, name, to: model === "push" ? "pulumi" : (layers.agent?.implementation as Deliverer) },
    ]),
  );
};

/**
 * Before an `up`: who is no longer to deliver an app is stopped, and told to leave behind what it delivered.
 *
 * @returns the apps that change hands with this `up`
 */
export const beginHandover = async (
  api: Api,
  stack: string,
  env: Record<string, string>,
  wanted: ReadonlyMap<string, Handover>,
): Promise<Handover[]> => {
  const begun: Handover[] = [];
  for (const { namespace, name, deliverer, path, stop, stopped } of await liveDeliverers(api)) {
    const next = wanted.get(namespace);
    if (next?.name !== name) continue;
    if (next.to === deliverer) {
      // Somebody has changed his mind: what the stop changed is foreign again, and repaired with everything that is.
      if (stopped) await merge(api, path, { metadata: { labels: { [handoverLabel]: null } } });
      continue;
    }
    await merge(api, namespacePath(namespace), { metadata: { labels: { [handoverLabel]: next.to } } });
    if (deliverer === "pulumi") await editState(stack, env, (state) => orphaned(state, namespace));
    else await merge(api, path, stop(next.to));
    begun.push(next);
  }
  return begun;
};

/** A state whose objects of an app stay in the cluster: Pulumi reads there, and not in the program, whether they do. */
export const orphaned = ({ resources = [], ...rest }: Deployment, namespace: string): Deployment => ({
  ...rest,
  resources: resources.map((each) => {
    const ofCommit = each.type.startsWith("kubernetes:") && each.urn.split("::").at(-1)?.includes("/");
    return ofCommit && each.inputs?.metadata?.namespace === namespace ? { ...each, retainOnDelete: true } : each;
  }),
});

/** Seconds that the new deliverer may take until everything is his; he takes about 5. */
const bound = 180;

/**
 * After an `up`: waits until every object is the new deliverer's, and takes from it what the old one left on it.
 *
 * @returns what was handed over, and objects that the new one does not have in Git
 * @throws Failure `HANDOVER` that names what is not taken over in time
 */
export const finishHandover = async (
  api: Api,
  wanted: ReadonlyMap<string, Handover>,
): Promise<{ readonly handover: Handover; readonly left: readonly string[] }[]> => {
  const pending = await api.list(`/api/v1/namespaces?labelSelector=${encodeURIComponent(handoverLabel)}`);
  const mine = pending.flatMap(({ metadata }) => wanted.get(metadata.name) ?? []);
  return Promise.all(
    mine.map(async (handover) => {
      const left = await takeOver(api, handover);
      await merge(api, namespacePath(handover.namespace), { metadata: { labels: { [handoverLabel]: null } } });
      return { handover, left };
    }),
  );
};

const takeOver = async (api: Api, { namespace, name, to }: Handover): Promise<string[]> => {
  const others = managersOf(to);
  for (const until = performance.now() + bound * 1000; ; await sleep(300)) {
    const held = await heldObjects(api, namespace, others);
    const waiting = held.filter(
      ({ live }) => !live.metadata.managedFields?.some(({ manager }) => others.own.has(manager)),
    );
    const record = (await readRecords(api))(namespace, name);
    // What a commit has dropped since then, nobody takes over.
    const settled = record?.agent === to && record.commit !== "" && record.well;
    for (const each of held) if (!waiting.includes(each)) await release(api, each, others);
    if (settled && held.length === waiting.length) {
      if (to !== "flux") await forgetReleases(api, namespace, name);
      return waiting.map(({ live }) => `${live.kind} ${live.metadata.name}`);
    }
    if (performance.now() < until) continue;
    const names = waiting.map(({ live }) => `${live.kind} ${live.metadata.name}`).join(", ") || "its record";
    throw new Failure("HANDOVER", `${to} did not take over ${names} of app ${name} within ${bound} s`, {
      wayOut: "see in `plumbline status` what keeps it; then plumbline pulumi up goes on",
    });
  }
};

/** Helm's own records of a chart: nobody reads them any more. */
const forgetReleases = async (api: Api, namespace: string, name: string): Promise<void> => {
  const selector = encodeURIComponent(`owner=helm,name=${name}`);
  await api
    .send("DELETE", `/api/v1/namespaces/${namespace}/secrets?labelSelector=${selector}`, undefined)
    .catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    });
};
