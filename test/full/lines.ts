// How are the lines of the platform asked for, and is one of them missing? A pod that counts aloud, and what is kept of it.
import assert from "node:assert/strict";
import { eventually, type Status } from "../clone.ts";
import type { Kubectl } from "../kubectl.ts";

/** A line with its fields: `_time`, `_msg`, and whose it is. */
export type Line = Readonly<Record<string, string>>;

/** Lines that the layer of the logs has, by LogsQL. */
export const linesOf = ({ layers }: Status, query: string): Promise<Line[]> =>
  linesAt((layers.find(({ slot }) => slot === "logs") ?? assert.fail("no layer keeps logs")).url, query);

/** Lines that a VictoriaLogs has, by LogsQL. */
export const linesAt = async (url: string, query: string): Promise<Line[]> => {
  const answer = await fetch(`${url}/select/logsql/query?${new URLSearchParams({ query })}`);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
};

/** A pod that says a number five times a second until it is told to end. */
export const counter = async (kubectl: Kubectl, namespace: string) => {
  const script = `i=0; while [ ! -e /tmp/end ]; do i=$((i + 1)); echo "number $i"; sleep 0.2; done; echo "last $i"; sleep 600`;
  const metadata = { name: "counts", namespace };
  await kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata,
          spec: {
            restartPolicy: "Never",
            terminationGracePeriodSeconds: 0,
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
            containers: [
              {
                name: "counts",
                image: "plumbline.local/library/busybox:1.35",
                command: ["sh", "-c", script],
                volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
                securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
              },
            ],
            volumes: [{ name: "tmp", emptyDir: {} }],
          },
        },
      ],
    }),
  );
  await kubectl(["wait", "pod/counts", "--namespace", namespace, "--for=condition=Ready", "--timeout=60s"]);
  return {
    /**
     * Ends the counting, and waits until every number is kept. One that was under way when whoever keeps lines went comes late:
     * the collector gives up on it after ten seconds, and sends it again.
     *
     * @param mayLack says of the time of a number's predecessor whether the number may be missing. Default: none may
     * @returns how many numbers there were
     */
    end: async (status: Status, mayLack: (after: number) => boolean = () => false): Promise<number> => {
      await kubectl(["exec", "counts", "--namespace", namespace, "--", "touch", "/tmp/end"]);
      const { last } = await eventually(
        "every number of the pod that counts",
        async () => missing(await linesOf(status, `namespace:=${namespace}`)),
        ({ last, lost }) => last > 0 && lost.every(({ after }) => mayLack(after)),
        90,
      );
      return last;
    },
    remove: () => kubectl(["delete", "namespace", namespace, "--wait=false"]),
  };
};

/** The last number, once it is said, and each that nobody kept, with the time of its predecessor that somebody did. */
const missing = (said: readonly Line[]) => {
  const last = Number(said.find(({ _msg = "" }) => _msg.startsWith("last "))?._msg?.slice("last ".length) ?? 0);
  const times = new Map(
    said.map(({ _msg = "", _time = "" }) => [Number(_msg.slice("number ".length)), Date.parse(_time)]),
  );
  const lost: { number: number; after: number }[] = [];
  let after = 0;
  for (let number = 1; number <= last; number++) {
    const time = times.get(number);
    if (time === undefined) lost.push({ number, after });
    else after = time;
  }
  return { last, lost };
};
