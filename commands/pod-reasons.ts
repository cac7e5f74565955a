// Why is a pod not ready, in its own words? What the scheduler, the kubelet and its last log lines say.
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";
import type { Condition } from "./conditions.ts";

interface Ended {
  readonly exitCode: number;
  readonly reason?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: Ended;
  };
  readonly lastState?: { readonly terminated?: Ended };
}

/** Last lines of a log that tell why a program ended. */
const lines = 3;

/** What each pod of a namespace that is not ready gives as its reason. */
export const podReasons = async (api: Api, namespace: string): Promise<string[]> => {
  const pods = await api.list(`/api/v1/namespaces/${namespace}/pods`);
  return (await Promise.all(pods.map((pod) => reasonsOf(api, pod)))).flat();
};

const reasonsOf = async (api: Api, { metadata, status }: KubernetesObject): Promise<string[]> => {
  const scheduled = (status?.conditions as Condition[] | undefined)?.find(
    ({ type, status: held }) => type === "PodScheduled" && held === "False",
  );
  if (scheduled) return [`pod ${metadata.name} cannot be scheduled: ${scheduled.message}`];
  const containers = [status?.initContainerStatuses, status?.containerStatuses].flatMap(
    (found) => (found ?? []) as ContainerStatus[],
  );
  // Once one of them has begun, an older event hinders no longer.
  if (containers.length > 0 && containers.every(({ state }) => begins(state?.waiting?.reason))) {
    const hindered = await hindrance(api, metadata);
    if (hindered) return [`pod ${metadata.name} does not start: ${hindered}`];
  }
  const found = await Promise.all(
    containers.map(async ({ name, restartCount = 0, state, lastState }) => {
      const { waiting } = state ?? {};
      const ended = state?.terminated ?? lastState?.terminated;
      const failed = ended && ended.exitCode !== 0 && (waiting || state?.terminated) ? ended : undefined;
      const reason = waiting?.reason ?? (failed ? "Error" : undefined);
      if (!reason || begins(reason)) return [];
      const said = failed ? await lastLines(api, metadata, name, restartCount > 0 && !state?.terminated) : "";
      return [
        `pod ${metadata.name}, container ${name}: ${reason}${waiting?.message ? `, ${waiting.message}` : ""}${failed ? ` (ended with ${failed.exitCode}${said && `, saying: ${said}`})` : ""}`,
      ];
    }),
  );
  return found.flat();
};

const begins = (reason?: string): boolean => reason === "ContainerCreating" || reason === "PodInitializing";

// What keeps the kubelet from starting it at all stands in no status: a Secret that is not there, a volume, an address.
const hindrance = async (
  api: Api,
  { namespace, name, uid }: KubernetesObject["metadata"],
): Promise<string | undefined> => {
  const query = `fieldSelector=${encodeURIComponent(`involvedObject.uid=${uid},type=Warning`)}`;
  const events = await api.list(`/api/v1/namespaces/${namespace}/events?${query}`).catch(() => []);
  const at = ({ lastTimestamp, eventTime }: KubernetesObject) => String(lastTimestamp ?? eventTime ?? "");
  const [last] = events.filter(({ reason }) => /^Failed/.test(reason)).sort((a, b) => at(b).localeCompare(at(a)));
  return last && `${last.reason}, ${String(last.message).replace(`pod "${name}"`, "it")}`;
};

// Nobody must read it: a log that is gone, or that the identity may not see, leaves the rest of the reason.
const lastLines = async (
  api: Api,
  { namespace, name }: KubernetesObject["metadata"],
  container: string,
  previous: boolean,
): Promise<string> => {
  const query = `container=${container}&tailLines=${lines}${previous ? "&previous=true" : ""}`;
  const text = await api.text(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`).catch(() => "");
  return text
    .trim()
    .replace(/\s*\n\s*/g, " | ")
    .slice(-400);
};
