// Where does the host reach apps and layers? Each that is exposed has a port of the host's loopback.
import type { Definition, Reach } from "../components/index.ts";
import { singleApps } from "../components/settings.ts";
import { readCluster } from "../local/cluster-status.ts";
import type { Forward } from "../local/spec.ts";
import type { PlatformFile } from "./platform-file.ts";

/** First ports that are tried, of apps and of layers; the next free one is taken. */
const firstPort = { app: 18080, layer: 18180 };

/** One forward for each app that names a service, and one for each layer that is reached from outside. */
export const exposedForwards = ({ settings, layers }: Definition): Forward[] => [
  ...singleApps(settings).flatMap(({ name, namespace = name, expose }, index) =>
    expose ? [forward(`app/${namespace}`, firstPort.app + index, { ...expose, namespace })] : [],
  ),
  ...Object.values(layers).flatMap(({ slot, reach }, index) =>
    reach ? [forward(`layer/${slot}`, firstPort.layer + index, reach)] : [],
  ),
];

const forward = (
  name: string,
  port: number,
  { service, namespace, port: target }: Pick<Reach, "service" | "namespace" | "port">,
): Forward => ({
  name,
  listen: `127.0.0.1:${port}`,
  target: `${service}.${namespace}.svc.cluster.local:${target}`,
});

/** URL of the app of a namespace on the host, as the running cluster forwards it. */
export const urlsOfApps = (state: string): ((namespace: string) => string | undefined) => {
  const forwards = readCluster(state)?.forwards ?? {};
  return (namespace) => {
    const address = forwards[`app/${namespace}`];
    return address ? `http://${address}` : undefined;
  };
};

/** URL of the layer of a slot on the host, as the running cluster forwards it. */
export const urlOfLayer = (state: string, layers: PlatformFile["layers"]): ((slot: string) => string | undefined) => {
  const forwards = readCluster(state)?.forwards ?? {};
  return (slot) => {
    const address = forwards[`layer/${slot}`];
    const scheme = layers.find((layer) => layer.slot === slot)?.scheme;
    return address && scheme ? `${scheme}://${address}` : undefined;
  };
};
