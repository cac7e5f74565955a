// Every program of every layer is killed, one after the other, while the app is asked through all of them: each comes back
// by itself, what was kept before is still there, and lines of pods go on.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { killPod } from "../pods.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";
import { counter } from "./lines.ts";

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly state: { readonly running?: object };
    }[];
  };
}

/** Seconds between two scrapes, as stacks/local-full.ts says. */
const interval = 15;

let clone: Clone;
let status: Status;
let kubectl: Kubectl;

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
});

const url = (slot: string): string => status.layers.find((layer) => layer.slot === slot)?.url ?? assert.fail(slot);

const podsOfLayers = async (): Promise<Pod[]> => {
  const selected = ["--selector", "plumbline.dev/slot", "--output", "jsonpath={.items[*].metadata.name}"];
  const homes = (await kubectl(["get", "namespaces", ...selected])).split(" ");
  const { items } = JSON.parse(await kubectl(["get", "pods", "--all-namespaces", "--output", "json"])) as {
    items: Pod[];
  };
  return items.filter(
    ({ metadata, status: { containerStatuses = [] } }) =>
      homes.includes(metadata.namespace) && containerStatuses.some(({ state }) => state.running !== undefined),
  );
};

const restarts = ({ status: { containerStatuses = [] } }: Pod): number =>
  containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0);

const isReady = ({ status: { conditions = [] } }: Pod): boolean =>
  conditions.some((each) => each.type === "Ready" && each.status === "True");

/** The longest pause between two figures of a series in the last seconds. */
const longestGap = async (series: string, seconds: number): Promise<number> => {
  const asked = new URLSearchParams({ query: `${series}[${Math.ceil(seconds)}s]` });
  const { data } = (await (await fetch(`${url("metrics")}/api/v1/query?${asked}`)).json()) as {
    data: { result: { values: [number, string][] }[] };
  };
  const times = data.result[0]?.values.map(([time]) => time) ?? [];
  assert.ok(times.length >= seconds / interval / 2, `${times.length} figures of ${series} in ${seconds} s`);
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
};

test("every pod of every layer, killed under load, comes back; figures go on, and nothing has drifted", async (t) => {
  const authority = await authorityOf(kubectl);
  const ask = () => askThrough(Number(new URL(url("ingress")).port), "hello.example.test", authority);
  const began = performance.now();
  const counts = await counter(kubectl, "counts-killed");
  t.after(counts.remove);
  let keeperKilled = 0;
  const load = new AbortController();
  const asked = (async () => {
    let answers = 0;
    while (!load.signal.aborted) {
      await ask().then(
        ({ code }) => {
          if (code === 200) answers += 1;
        },
        () => {}, // the ingress is killed as well
      );
      await sleep(100);
    }
    return answers;
  })();
  try {
    const pods = await podsOfLayers();
    assert.ok(pods.length >= status.layers.length, `${pods.length} pods`);
    for (const pod of pods) {
      const { name, namespace, uid } = pod.metadata;
      if (namespace === "victoria-logs") keeperKilled = Date.now();
      assert.ok(killPod(uid) > 0, `no process of ${namespace}/${name}`);
      await eventually(
        `${namespace}/${name} runs again`,
        async () =>
          JSON.parse(await kubectl(["get", "pod", name, "--namespace", namespace, "--output", "json"])) as Pod,
        (now) => restarts(now) > restarts(pod) && isReady(now),
        90,
      );
    }
  } finally {
    load.abort();
  }
  assert.ok((await asked) > 0);
  await eventually("everything is well", clone.status, ({ phase }) => phase === "running", 60);
  assert.equal((await ask()).code, 200);
  const gap = await longestGap('up{job="kubelet"}', (performance.now() - began) / 1000);
  assert.ok(gap <= 2 * interval + 1, `${gap} s without figures`);
  // What keeps the lines says that it has them up to three seconds before they are on its volume.
  const last = await counts.end(status, (after) => after > keeperKilled - 3500 && after <= keeperKilled);
  assert.ok(last > 100, `${last} lines`);
  const { exitCode, all } = await clone.plumbline(["drift"]);
  assert.equal(exitCode, 0, all);
});
