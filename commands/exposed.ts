// Where does the host reach an app? Each exposed app of the stack has a port of the host's loopback.
import type { Definition } from "../components/index.ts";
import { readCluster } from "../local/cluster-status.ts";
import type { Forward } from "../local/spec.ts";

/** First port that is tried; the next free one is taken. */
const firstPort = 18080;

/** One forward for each app that names a service. */
export const exposedForwards = ({ settings }: Definition): Forward[] =>
  settings.apps.flatMap(({ name, namespace = name, expose }, index) =>
    expose
      ? [
          {
            name: `app/${namespace}`,
            listen: `127.0.0.1:${firstPort + index}`,
            target: `${expose.service}.${namespace}.svc.cluster.local:${expose.port}`,
          },
        ]
      : [],
  );

/** URL of the app of a namespace on the host, as the running cluster forwards it. */
export const urlsOfApps = (state: string): ((namespace: string) => string | undefined) => {
  const forwards = readCluster(state)?.forwards ?? {};
  return (namespace) => {
    const address = forwards[`app/${namespace}`];
    return address ? `http://${address}` : undefined;
  };
};
