// Are so many apps delivered for the first time that Pulumi's state is written once, and not after each object? It is all
// written each time, so the time of `up` would grow with the square of the number of apps.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stateLayout } from "../engine/folders.ts";
import { type Api, ApiError } from "../local/kubernetes-api.ts";
import { appLabel } from "./app-status.ts";
import { liveDeliverers, namespacePath } from "./handover-agents.ts";

/** New apps in one `up` from which on its state is written at its end: below, what it writes before is some seconds. */
const many = 20;

/** Seconds that an agent may take to remove what it delivered; it takes about 2. */
const bound = 60;

/** What the first delivery of many apps changes in an `up`. */
export interface FirstDelivery {
  /** Variables for Pulumi. */
  readonly env: Readonly<Record<string, string>>;
  /** After an `up` that ended well: forgets what there was to remember. @returns namespaces that it removed */
  readonly end: () => Promise<string[]>;
}

/**
 * Looks before an `up` how many apps are new. Where the `up` is killed, its objects are in no state: the next one adopts what
 * is still declared, by server-side apply, and removes the rest, of which only the list that is kept here knows.
 *
 * @param wanted namespaces of the apps that the stack declares
 */
export const firstDelivery = async (api: Api, state: string, wanted: ReadonlySet<string>): Promise<FirstDelivery> => {
  const file = join(stateLayout(state).pulumi, "first-delivery.json");
  const before = JSON.parse(await readFile(file, "utf8").catch(() => "[]")) as string[];
  const homes = await api.list(`/api/v1/namespaces?labelSelector=${encodeURIComponent(appLabel)}`);
  const there = new Set(homes.map(({ metadata }) => metadata.name));
  const fresh = [...wanted].filter((namespace) => !there.has(namespace));
  const once = fresh.length >= many || before.length > 0;
  if (once) await writeFile(file, JSON.stringify([...new Set([...before, ...fresh])]), { mode: 0o600 });
  return {
    env: once ? { PULUMI_SKIP_CHECKPOINTS: "true" } : {},
    end: async () => {
      const left = before.filter((namespace) => !wanted.has(namespace));
      await remove(api, left);
      await rm(file, { force: true });
      return left;
    },
  };
};

// The agent first: without the app's deployer it could not remove what it delivered, and would hold the namespace.
const remove = async (api: Api, namespaces: readonly string[]): Promise<void> => {
  if (namespaces.length === 0) return;
  const held = async () =>
    (await liveDeliverers(api)).filter(
      ({ namespace, deliverer }) => namespaces.includes(namespace) && deliverer !== "pulumi",
    );
  await Promise.all((await held()).map(({ path }) => gone(api, path)));
  const until = performance.now() + bound * 1000;
  while ((await held()).length > 0 && performance.now() < until) await sleep(300);
  await Promise.all(namespaces.map((namespace) => gone(api, namespacePath(namespace))));
};

const gone = async (api: Api, path: string): Promise<void> => {
  await api.send("DELETE", path, undefined).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  });
};
