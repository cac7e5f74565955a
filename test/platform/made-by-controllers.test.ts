// Before a cluster goes, does what its controllers made go first, and is what hangs named? On the local cluster, where no controller
// makes load balancers: a finalizer of a stranger stands in for one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { madeByControllers, removeMade, toldMade } from "../../commands/made-by-controllers.ts";
import { type Api, connect } from "../../local/kubernetes-api.ts";
import { eventually, sharedClone } from "../clone.ts";

const namespace = "/api/v1/namespaces/balanced";
const service = `${namespace}/services/web`;
let api: Api;

const quiet = () => undefined;
const remove = (kept: readonly string[], seconds: number) =>
  removeMade(api, kept, seconds).run(quiet, AbortSignal.timeout(60_000));
const release = () => api.send("PATCH", service, { metadata: { finalizers: null } }, "application/merge-patch+json");

before(async () => {
  api = await connect((await sharedClone().status()).kubeconfig.ci);
  await api.send("POST", "/api/v1/namespaces", { metadata: { name: "balanced" } });
  await api.send("POST", `${namespace}/services`, {
    metadata: { name: "web", finalizers: ["example.com/balancer"] },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  });
});
after(async () => {
  await release().catch(quiet);
  await api.send("DELETE", namespace, undefined).catch(quiet);
  api.close();
});

test("a Service with a load balancer is listed, and nothing else of this cluster", async () => {
  const made = await madeByControllers(api);
  assert.match(toldMade(made), /goes first.* Service balanced\/web: load balancer without an address\n$/);
  assert.deepEqual(
    made.map(({ path }) => path),
    [service],
  );
});

test("where its controller does not let it go, it is named with what holds it, in time", async () => {
  await assert.rejects(remove([], 2), {
    code: "HANGS",
    message: /^not gone within 2 s:\n {2}Service balanced\/web: held by example\.com\/balancer$/,
  });
  assert.equal(
    (await api.get(namespace)).status.phase,
    "Terminating",
    "the namespace goes, so that nobody brings it back",
  );
});

test("as soon as it lets go, it is gone", async () => {
  await release();
  await remove([], 30);
  assert.deepEqual(await madeByControllers(api), []);
  await eventually(
    "the namespace is gone",
    () =>
      api.get(namespace).then(
        () => true,
        () => false,
      ),
    (there) => !there,
  );
});
