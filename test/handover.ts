// What must a handover leave alone, and what must be gone after it? Watched from its beginning to its end.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Api, KubernetesObject } from "../local/kubernetes-api.ts";

const collections = [
  "/api/v1/namespaces/NS/configmaps",
  "/api/v1/namespaces/NS/serviceaccounts",
  "/api/v1/namespaces/NS/services",
  "/api/v1/namespaces/NS/pods",
  "/apis/apps/v1/namespaces/NS/deployments",
  "/apis/apps/v1/namespaces/NS/replicasets",
];

/** Objects of an app, without what the platform puts beside them. */
const objectsOf = async (api: Api, namespace: string): Promise<KubernetesObject[]> =>
  (await Promise.all(collections.map((path) => api.list(path.replace("NS", namespace)))))
    .flat()
    .filter(({ metadata }) => !("plumbline.dev/platform" in (metadata.labels ?? {})));

const identities = async (api: Api, namespaces: readonly string[]): Promise<string[]> =>
  (await Promise.all(namespaces.map((each) => objectsOf(api, each))))
    .flat()
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.uid}`)
    .sort();

/** Starts to ask an app, and to remember its objects. */
export const watchHandover = async (api: Api, url: string, namespaces: readonly string[]) => {
  const before = await identities(api, namespaces);
  assert.ok(before.length > 0, "there is nothing to hand over");
  const answers: string[] = [];
  const stopped = new AbortController();
  const asking = (async () => {
    while (!stopped.signal.aborted) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
        ({ status }) => String(status),
        (error: Error) => `${error.name} ${error.message}`,
      );
      answers.push(answer);
      await sleep(50);
    }
  })();
  return {
    /** Fails where an object was made anew, a request failed, or one of these is still there. */
    end: async (gone: RegExp): Promise<void> => {
      stopped.abort();
      await asking;
      assert.deepEqual(await identities(api, namespaces), before, "an object is another one");
      assert.deepEqual([...new Set(answers)], ["200"], `of ${answers.length} requests`);
      assert.ok(answers.length > 50, `only ${answers.length} requests were made`);
      for (const namespace of namespaces) {
        // A ReplicaSet keeps the annotations that its Deployment had.
        const delivered = (await objectsOf(api, namespace)).filter(({ metadata }) => !metadata.ownerReferences);
        const left = delivered.map(({ metadata }) => JSON.stringify(metadata));
        assert.deepEqual(
          left.filter((each) => gone.test(each)),
          [],
        );
        const { metadata } = await api.get(`/api/v1/namespaces/${namespace}`);
        assert.ok(!("plumbline.dev/handover" in (metadata.labels ?? {})), "the handover has not ended");
      }
    },
  };
};
