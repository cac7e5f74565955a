// Which fields of a live object did strangers write?
import assert from "node:assert/strict";
import { test } from "node:test";
import { foreignFields, pathText, pointer } from "../../../commands/ownership.ts";
import type { KubernetesObject, ManagedFields } from "../../../local/kubernetes-api.ts";

const entry = (
  manager: string,
  fieldsV1: Record<string, unknown>,
  more: Partial<ManagedFields> = {},
): ManagedFields => ({
  manager,
  operation: "Update",
  time: "2026-01-01T00:00:00Z",
  fieldsV1,
  ...more,
});

const live = (managedFields: ManagedFields[]): KubernetesObject => ({
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web", by: "stranger" }, managedFields },
  spec: {
    replicas: 3,
    template: {
      spec: {
        containers: [
          { name: "web", image: "web:1", env: [{ name: "X", value: "1" }] },
          { name: "sidecar", image: "evil:1" },
        ],
      },
    },
  },
});

const own = entry(
  "plumbline",
  {
    "f:metadata": { "f:labels": { "f:app": {} } },
    "f:spec": {
      "f:replicas": {},
      "f:template": { "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:name": {}, "f:image": {} } } } },
    },
  },
  { operation: "Apply" },
);

const found = (...entries: ManagedFields[]) =>
  foreignFields(live([own, ...entries]), "plumbline").map(({ path, found: value, manager }) => [
    pathText(path),
    value,
    manager,
  ]);

test("nothing foreign where the owner alone has written", () => assert.deepEqual(found(), []));

test("an added item of a list is one finding, whatever it holds", () => {
  const sidecar = { 'k:{"name":"sidecar"}': { ".": {}, "f:name": {}, "f:image": {} } };
  assert.deepEqual(
    found(entry("stranger", { "f:spec": { "f:template": { "f:spec": { "f:containers": sidecar } } } })),
    [["spec.template.spec.containers[name=sidecar]", { name: "sidecar", image: "evil:1" }, "stranger"]],
  );
});

test("a label and a variable beside ours are found by name", () => {
  const variable = { "f:env": { ".": {}, 'k:{"name":"X"}': { ".": {}, "f:name": {}, "f:value": {} } } };
  const fields = {
    "f:metadata": { "f:labels": { "f:by": {} } },
    "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"web"}': variable } } } },
  };
  assert.deepEqual(
    found(entry("stranger", fields)).map(([path]) => path),
    ["metadata.labels.by", "spec.template.spec.containers[name=web].env[name=X]"],
  );
});

test("what we own too is not foreign; a claim of our name without an apply is", () => {
  assert.deepEqual(found(entry("stranger", { "f:spec": { "f:replicas": {} } })), []);
  assert.deepEqual(found(entry("plumbline", { "f:metadata": { "f:labels": { "f:by": {} } } })), [
    ["metadata.labels.by", "stranger", "plumbline"],
  ]);
});

test("status and what reviewed controllers keep are not foreign, their other writes are", () => {
  const revision = { "f:metadata": { "f:annotations": { "f:deployment.kubernetes.io/revision": {} } } };
  assert.deepEqual(found(entry("kubelet", { "f:spec": { "f:replicas": {} } }, { subresource: "status" })), []);
  assert.deepEqual(found(entry("kube-controller-manager", revision)), []);
  assert.deepEqual(found(entry("kube-controller-manager", { "f:metadata": { "f:labels": { "f:by": {} } } })).length, 1);
});

test("an entry that outlived its field is no finding", () => {
  assert.deepEqual(found(entry("stranger", { "f:metadata": { "f:labels": { "f:gone": {} } } })), []);
});

test("a path becomes a JSON pointer into the object as it is", () => {
  const object = {
    metadata: { labels: { "example.com/a~b": "1" } },
    spec: { list: [{ name: "a" }, { name: "b", x: 1 }] },
  };
  assert.equal(pointer(object, ["metadata", "labels", "example.com/a~b"]), "/metadata/labels/example.com~1a~0b");
  assert.equal(pointer(object, ["spec", "list", { keys: { name: "b" } }, "x"]), "/spec/list/1/x");
  assert.equal(pointer(object, ["spec", "list", { keys: { name: "c" } }]), undefined);
});
