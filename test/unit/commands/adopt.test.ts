// What `adopt` makes of live objects, workloads and fields, without a cluster.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { writersForGit } from "../../../commands/adopt.ts";
import { compared, withoutKubectls } from "../../../commands/adopt-compare.ts";
import { layerOf, writing } from "../../../commands/adopt-layers.ts";
import { isDeclared, keeperOf, writersOf } from "../../../commands/adopt-live.ts";
import { adoptReport } from "../../../commands/adopt-report.ts";
import type { KubernetesObject, ManagedFields } from "../../../local/kubernetes-api.ts";

const entry = (manager: string, fieldsV1: Record<string, unknown> = {}, more: Partial<ManagedFields> = {}) => ({
  manager,
  operation: "Update" as const,
  time: "2023-05-01T10:00:00Z",
  fieldsV1,
  ...more,
});
const object = (kind: string, metadata: object = {}, rest: object = {}): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "web", namespace: "shop", ...metadata },
  ...rest,
});

describe("who wrote, and may go on", () => {
  const objects = [
    object("ConfigMap", {
      managedFields: [entry("kubectl-edit"), entry("kubectl-edit", {}, { time: "2026-01-01T00:00:00Z" })],
    }),
    object("Deployment", {
      managedFields: [
        entry("kube-controller-manager", {}, { subresource: "status" }),
        entry("helm"),
        entry("kustomize-controller", {}, { operation: "Apply" }),
        entry("nginx-ingress-controller", {}, { subresource: "status" }),
        entry("cert-manager-certificates-issuing"),
        entry("vault-operator"),
      ],
    }),
  ];
  const verdicts = (app?: string) =>
    Object.fromEntries(writersOf(objects, app).map(({ manager, goesOn }) => [manager, goesOn]));

  test("people and programs of others would be refused, controllers and the platform's programs not", () => {
    assert.deepEqual(verdicts(), {
      helm: false,
      "kubectl-edit": false,
      "kustomize-controller": false,
      "nginx-ingress-controller": false,
      "vault-operator": false,
      "cert-manager-certificates-issuing": true,
      "kube-controller-manager": true,
    });
  });
  test("an agent goes on where it delivers an app of this platform", () => {
    assert.equal(verdicts("shop")["kustomize-controller"], true);
    assert.equal(verdicts("shop")["kubectl-edit"], false);
  });
  test("each once, with the objects that carry fields of his and his last write", () => {
    const [, edit] = writersOf(objects);
    assert.deepEqual(edit, { manager: "kubectl-edit", objects: 1, last: "2026-01-01T00:00:00Z", goesOn: false });
  });
});

describe("what somebody declared", () => {
  const by = (manager: string) => ({ managedFields: [entry(manager)] });
  const cases: readonly (readonly [boolean, string, KubernetesObject])[] = [
    [true, "what kubectl wrote", object("ConfigMap", by("kubectl-create"))],
    [false, "the ServiceAccount of every namespace", object("ServiceAccount", { name: "default" })],
    [true, "what is older than the records of fields", object("ConfigMap")],
    [false, "what every namespace has", object("ConfigMap", by("kube-controller-manager"))],
    [
      false,
      "what a controller made of another object",
      object("Pod", { ...by("x"), ownerReferences: [{ controller: true }] }),
    ],
    [false, "Helm's own notes", object("Secret", by("helm"), { type: "helm.sh/release.v1" })],
    [true, "what names an owner that does not control it", object("Secret", { ...by("op"), ownerReferences: [{}] })],
  ];
  for (const [expected, title, each] of cases) test(title, () => assert.equal(isDeclared(each), expected));
});

test("who keeps an object is told by its labels and annotations", () => {
  const annotated = (annotations: Record<string, string>) => keeperOf(object("Service", { annotations }));
  assert.equal(annotated({ "argocd.argoproj.io/tracking-id": "shop:/Service:shop/web" }), "Argo CD, application shop");
  assert.equal(annotated({ "meta.helm.sh/release-name": "web" }), "Helm, release web");
  const labels = { "kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux" };
  assert.equal(keeperOf(object("Service", { labels })), "Flux, flux/shop");
  assert.equal(keeperOf(object("Secret", { ownerReferences: [{ kind: "Database", name: "db" }] })), "Database db");
  assert.equal(keeperOf(object("Service")), undefined);
});

describe("which layer a workload is", () => {
  const workload = (image: string, labels: Record<string, string> = {}) =>
    layerOf(
      object("Deployment", {}, { spec: { template: { metadata: { labels }, spec: { containers: [{ image }] } } } }),
    );
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["quay.io/prometheus/prometheus:v3.5.0", "metrics"],
    ["registry.k8s.io/ingress-nginx/controller:v1.13.0@sha256:00", "ingress"],
    ["registry.example:5000/traefik", "ingress"],
    ["grafana/grafana:12", "dashboards"],
    ["quay.io/jetstack/cert-manager-controller:v1.19.0", "certificates"],
    ["example.com/other/controller:v1", undefined],
    ["quay.io/jetstack/cert-manager-webhook:v1.19.0", undefined],
    ["example.com/prometheus-adapter", undefined],
  ];
  for (const [image, slot] of cases) test(image, () => assert.equal(workload(image)?.known.slot, slot));
  test("by the label of charts, but not each part of one", () => {
    const named = (component?: string) =>
      workload("mirror.example/a:1", {
        "app.kubernetes.io/name": "cert-manager",
        ...(component && { "app.kubernetes.io/component": component }),
      });
    assert.equal(named()?.known.slot, "certificates");
    assert.equal(named("controller")?.known.slot, "certificates");
    assert.equal(named("webhook"), undefined);
  });
});

describe("what becomes of an object", () => {
  const live = object(
    "Deployment",
    { managedFields: [entry("kubectl-edit", { "f:spec": { "f:replicas": {} } })] },
    {
      spec: { replicas: 3, template: { spec: { containers: [{ name: "web", image: "a:1" }] } } },
      status: { readyReplicas: 3 },
    },
  );
  const next = (change: (object: KubernetesObject) => void) => {
    const copy = structuredClone(live) as KubernetesObject;
    change(copy);
    return compared(live, copy);
  };
  test("status, versions and notes of tools are no difference", () => {
    const found = next((each) => {
      Object.assign(each, { status: {} });
      Object.assign(each.metadata, { resourceVersion: "2", annotations: { "deployment.kubernetes.io/revision": "1" } });
    });
    assert.deepEqual(found, { change: "taken over as it is", fields: [], restarts: false });
  });
  test("a field that differs is told with who wrote it", () => {
    const found = next((each) => Object.assign(each.spec, { replicas: 1 }));
    assert.deepEqual(found, {
      change: "taken over and changed",
      fields: [{ field: "spec.replicas", git: 1, live: 3, writer: "kubectl-edit" }],
      restarts: false,
    });
  });
  test("another template replaces the pods", () => {
    assert.equal(next((each) => Object.assign(each.spec.template.spec.containers[0], { image: "a:2" })).restarts, true);
  });
  test("what a Secret holds is hidden", () => {
    const secret = object("Secret", {}, { data: { password: "b2xk" } });
    const { fields } = compared(secret, { ...secret, data: { password: "bmV3" } });
    assert.deepEqual(fields, [{ field: "data.password", git: "(hidden)", live: "(hidden)", writer: undefined }]);
  });
  test("of what is not in Git, only that goes which kubectl wrote", () => {
    const applied = object(
      "ConfigMap",
      {
        labels: { a: "1", b: "2" },
        managedFields: [
          entry("plumbline-adopt", { "f:data": { "f:x": {} } }, { operation: "Apply" }),
          entry("kubectl-edit", { "f:metadata": { "f:labels": { "f:a": {} } } }),
          entry("operator", { "f:metadata": { "f:labels": { "f:b": {} } } }),
        ],
      },
      { data: { x: "1" } },
    );
    const { metadata } = withoutKubectls(applied, object("ConfigMap", {}, { data: { x: "1" } }));
    assert.deepEqual(metadata.labels, { b: "2" });
    assert.equal(metadata.managedFields, undefined);
  });
});

describe("the line that enforces", () => {
  const layer = (slot: "ingress" | "metrics") => ({
    slot,
    program: slot,
    namespace: slot,
    workload: "Deployment a/b",
    user: `system:serviceaccount:${slot}:it`,
    line: "",
  });
  const asked = (groups: string[]) =>
    writersForGit({ user: { username: "alice", groups }, layers: [layer("ingress"), layer("metrics")] }, writing);
  test("names whoever asks, and the programs that write into the namespaces of apps", () => {
    assert.deepEqual(asked(["admins"]), { users: ["alice", "system:serviceaccount:ingress:it"] });
  });
  test("names the group of pipelines in the place of one of them", () => {
    assert.deepEqual(asked(["plumbline:ci"]), {
      users: ["system:serviceaccount:ingress:it"],
      groups: ["plumbline:ci"],
    });
  });
  test("comes for the namespaces that are enforced and one more", () => {
    const namespace = (name: string, state: "open" | "enforced") => ({
      name,
      state,
      app: name,
      objects: [{ name: "Service web", keeper: undefined, breaks: [] }],
      writers: [],
    });
    const text = adoptReport(
      {
        server: "https://k8s.example.com",
        version: "v1.34.0",
        user: { username: "alice", groups: [] },
        layers: [],
        namespaces: [namespace("pay", "enforced"), namespace("shop", "open"), namespace("till", "open")],
        apps: [],
        unread: ["widgets"],
      },
      "years",
    );
    assert.match(
      text,
      /enforce: \{ namespaces: \["pay", "shop"\], users: \["alice"\] \}\n +among the settings of stacks\/years\.ts/,
    );
    assert.match(text, /not looked at, since you may not: widgets/);
  });
});
