// How does a registry within the local cluster become of use? Its nodes are told of it, and the example app's image is put there.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Definition } from "../components/index.ts";
import { cacheFolder, stateLayout } from "../engine/folders.ts";
import { resolve } from "../engine/resolve.ts";
import { readCluster } from "../local/cluster-status.ts";
import { makeImages } from "../local/image-archives.ts";
import { pushImage } from "../local/image-push.ts";
import { imageHost, images } from "../local/images.ts";
import { type Api, connect } from "../local/kubernetes-api.ts";
import { trustRegistry } from "../local/registry-trust.ts";
import { Failure } from "./failure.ts";

/** Seconds that the registry may take to answer, once `pulumi up` has ended. */
const bound = 60;

/**
 * Waits for the registry of a stack, where it has one that only the cluster knows, tells the nodes of it, and pushes the
 * example app's image; safe to repeat, and of use while `pulumi up` runs: the app is then delivered with its image there.
 *
 * @param ended resolves when `pulumi up` has ended: from then on the wait is bounded
 * @throws Failure `LAYER_NOT_READY` with what the last try met
 */
export const furnishRegistry = async (
  state: string,
  { layers }: Definition,
  ended: Promise<unknown>,
  signal: AbortSignal,
): Promise<void> => {
  const pulled = Object.values(layers).find((layer) => layer?.pulled)?.pulled;
  if (!pulled) return;
  const { host, address, namespace, certificate, accounts } = pulled;
  const { cluster, kubeconfig } = stateLayout(state);
  let until = Number.POSITIVE_INFINITY;
  const limit = () => {
    until = performance.now() + bound * 1000;
  };
  ended.then(limit, limit);
  const api = await connect(kubeconfig.ci);
  try {
    await trustRegistry(cluster, { host, address });
    const archive = await exampleImage(signal);
    for (;;) {
      try {
        const [authority, password] = await Promise.all([
          secret(api, namespace, certificate, "ca.crt"),
          secret(api, namespace, accounts, "push"),
        ]);
        await trustRegistry(cluster, { host, address, authority });
        const reached = readCluster(state)?.forwards["layer/registry"] ?? "";
        const target = { reached, host, authority, username: "push", password };
        await pushImage(archive, example.slice(imageHost.length + 1), target, signal);
        return;
      } catch (cause) {
        signal.throwIfAborted();
        if (performance.now() > until) {
          throw new Failure("LAYER_NOT_READY", `registry: not within ${bound} s: ${String(cause)}`, {
            wayOut: "look at its pods: npx plumbline kubectl get pods -A; then npm start goes on",
            cause,
          });
        }
        await sleep(250, undefined, { signal });
      }
    }
  } finally {
    api.close();
  }
};

const { name: example = "" } = images.find(({ program }) => program === "hello") ?? {};

const exampleImage = async (signal: AbortSignal): Promise<string> => {
  const image = images.find(({ name }) => name === example);
  const path = (await resolve(["hello"], { signal })).get("hello")?.path;
  if (!image || !path) throw new Error("the example app has no image");
  const [archive = ""] = await makeImages([image], join(path, ".."), join(cacheFolder(), "images"));
  return archive;
};

const secret = async (api: Api, namespace: string, name: string, key: string): Promise<string> => {
  const { data } = await api.get(`/api/v1/namespaces/${namespace}/secrets/${name}`);
  if (!data?.[key]) throw new Error(`Secret ${namespace}/${name} has no ${key} yet`);
  return Buffer.from(data[key], "base64").toString();
};
