// A live change of the platform is seen by `drift` and repaired by `pulumi up`; one of an app is undone by the agent.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Api, connect, type KubernetesObject } from "../../local/kubernetes-api.ts";
import { type Clone, eventually, sharedClone } from "../clone.ts";

// `ci` is the one identity that admission lets through: these tests are about what is found, not about who may write.
let clone: Clone;
let api: Api;
const controller = "/apis/apps/v1/namespaces/flux-system/deployments/source-controller";
const edit = (path: string, body: object, manager: string) =>
  api.send<KubernetesObject>("PATCH", `${path}?fieldManager=${manager}`, body, "application/merge-patch+json");
const drift = async () => {
  const { exitCode, stdout, all } = await clone.plumbline(["drift", "--json"]);
  assert.ok(exitCode === 0 || exitCode === 2, String(all));
  return { exitCode, findings: (JSON.parse(String(stdout)) as { findings: Record<string, unknown>[] }).findings };
};

before(async () => {
  clone = sharedClone();
  api = await connect((await clone.status()).kubeconfig.ci);
});

test("no drift on the untouched platform, twice", async () => {
  for (const _ of [1, 2]) assert.deepEqual(await drift(), { exitCode: 0, findings: [] });
});

test("an edited field is found with both values and its writer, and pulumi up repairs it", async () => {
  const wanted = (await api.get(controller)).spec.replicas;
  await edit(controller, { spec: { replicas: 0 } }, "kubectl-edit");
  const { exitCode, findings } = await drift();
  assert.equal(exitCode, 2);
  const [finding] = findings.filter(({ field }) => field === "spec.replicas");
  assert.deepEqual(
    { ...finding, time: undefined },
    {
      layer: "state to live",
      object: "Deployment flux-system/source-controller",
      field: "spec.replicas",
      wanted,
      found: 0,
      writer: "kubectl-edit",
      time: undefined,
    },
  );
  const plain = await clone.plumbline(["pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive"]);
  assert.notEqual(plain.exitCode, 0, "Pulumi's own check sees an edit");
  const up = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(up.exitCode, 0, String(up.all));
  assert.deepEqual(await drift(), { exitCode: 0, findings: [] });
  assert.equal((await api.get(controller)).spec.replicas, wanted);
});

test("a stranger's sidecar, variable and label are found, though Pulumi's refresh is blind to them, and repaired", async () => {
  const container = (await api.get(controller)).spec.template.spec.containers[0];
  await api.send(
    "PATCH",
    `${controller}?fieldManager=stranger`,
    {
      metadata: { labels: { "example.com/by": "stranger" } },
      spec: {
        template: {
          spec: {
            containers: [
              { name: container.name, env: [{ name: "STRANGER", value: "1" }] },
              {
                ...container,
                name: "sidecar",
                ports: [],
                args: ["--help"],
                readinessProbe: undefined,
                livenessProbe: undefined,
              },
            ],
          },
        },
      },
    },
    // biome-ignore lint/suspicious/noExplicitAny: the one patch type that only this test needs
    "application/strategic-merge-patch+json" as any,
  );
  const { exitCode, findings } = await drift();
  assert.equal(exitCode, 2);
  const fields = findings.map(({ field }) => String(field));
  for (const wanted of [
    "metadata.labels.example.com/by",
    "spec.template.spec.containers[name=sidecar]",
    `spec.template.spec.containers[name=${container.name}].env[name=STRANGER]`,
  ]) {
    assert.ok(fields.includes(wanted), `${wanted} is not among\n${fields.join("\n")}`);
  }
  assert.ok(
    findings.every(({ writer }) => writer === "stranger"),
    JSON.stringify(findings),
  );
  const up = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(up.exitCode, 0, String(up.all));
  const { exitCode: after, findings: left } = await drift();
  assert.deepEqual({ after, left }, { after: 0, left: [] });
});

test("an object that somebody deleted is found and made again", async () => {
  const path = "/apis/networking.k8s.io/v1/namespaces/flux-system/networkpolicies";
  const [first] = await api.list(path);
  const name = first?.metadata.name ?? assert.fail("no NetworkPolicy to delete");
  await api.send("DELETE", `${path}/${name}`, undefined);
  const { findings } = await drift();
  assert.deepEqual(
    findings.map(({ object, wanted }) => ({ object, wanted })),
    [{ object: `NetworkPolicy flux-system/${name}`, wanted: "the object" }],
  );
  const up = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(up.exitCode, 0, String(up.all));
  await api.get(`${path}/${name}`);
});

test("a live edit of an app is undone by the agent, and status shows that it happened", async () => {
  const app = "/apis/apps/v1/namespaces/hello/deployments/hello";
  const before = (await api.get(app)).spec.replicas;
  await edit(app, { spec: { replicas: 5 } }, "kubectl-edit");
  await eventually(
    "the agent undoes the edit",
    () => api.get(app),
    ({ spec }) => spec.replicas === before,
    60,
  );
  const now = await eventually("status shows it", clone.status, ({ apps }) => apps[0]?.reverted !== undefined, 30);
  assert.match(now.apps[0]?.reverted?.what ?? "", /Deployment\/hello\/hello configured/);
});
