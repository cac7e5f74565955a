import assert from "node:assert/strict";
import { test } from "node:test";
import { named, ofKind, record } from "./recorder.ts";

const example = (file: string) => record(() => import(`../../../examples/${file}.ts`));

test("delivery: an app that Flux delivers, without a platform", async () => {
  const declared = await example("delivery");
  assert.equal(named(declared, "Kustomization", "shop").spec.path, "./apps/shop");
  assert.equal(ofKind(declared, "Deployment").length, 2);
  assert.equal(ofKind(declared, "Platform").length, 0);
});

test("add-ons: each stands alone", async () => {
  const declared = await example("add-ons");
  assert.equal(named(declared, "Service", "kube-dns").spec.clusterIP, "10.43.0.10");
  assert.match(named(declared, "ConfigMap", "coredns").data.Corefile, /^ {4}forward \. 1\.1\.1\.1 9\.9\.9\.9$/m);
  assert.match(named(declared, "ConfigMap", "local-path-config").data["config.json"], /\/srv\/volumes/);
  assert.equal(named(declared, "Deployment", "metrics-server").metadata.namespace, "kube-system");
});

test("typed-app: kubernetesx wires the pod to its configuration, its volume and its Service", async () => {
  const declared = await example("typed-app");
  const [deployment] = ofKind(declared, "Deployment");
  const { spec, metadata } = deployment?.inputs.spec.template ?? {};
  const [container] = spec.containers;
  assert.equal(container.env[0].valueFrom.configMapKeyRef.key, "message");
  assert.deepEqual(container.ports, [{ name: "http", containerPort: 8080 }]);
  assert.deepEqual(
    container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath),
    ["/config", "/data"],
  );
  assert.deepEqual(spec.volumes, [
    { name: "web", configMap: { name: "web" } },
    { name: "web-data", persistentVolumeClaim: { claimName: "web-data" } },
  ]);
  const [service] = ofKind(declared, "Service");
  assert.deepEqual(service?.inputs.spec.selector, metadata.labels);
  assert.deepEqual(service?.inputs.spec.ports, [{ name: "http", port: 80, targetPort: 8080 }]);
});

test("eks: a cluster with two kinds of nodes, and a kubeconfig without a secret", async () => {
  const declared = await example("eks");
  assert.deepEqual(
    ofKind(declared, "NodeGroup")
      .map(({ inputs }) => inputs.capacityType)
      .sort(),
    ["ON_DEMAND", "SPOT"],
  );
  assert.equal(ofKind(declared, "PodIdentityAssociation")[0]?.inputs.serviceAccount, "shop");
  assert.equal(ofKind(declared, "Vpc")[0]?.inputs.cidrBlock, "10.20.0.0/16");
  assert.equal(ofKind(declared, "Platform").length, 0);
});
