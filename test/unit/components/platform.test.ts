import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Provider } from "@pulumi/kubernetes/provider.js";
import { platformLabel } from "../../../components/admission/identities.ts";
import {
  type Agent,
  app,
  type Cluster,
  type Delivery,
  definePlatform,
  embedded,
  flux,
  Identities,
  image,
  images,
  layer,
  marks,
  Platform,
  version,
} from "../../../components/index.ts";
import { named, ofKind, record } from "./recorder.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const git = { url: "http://git.example/p.git", branch: "trunk" };
const whole = await record(
  () =>
    new Platform(
      definePlatform(
        {
          name: "p",
          git,
          cluster: embedded(),
          apps: [
            app({ name: "shop", source: { path: "apps/shop" }, dependsOn: ["db"] }),
            app({
              name: "db",
              namespace: "data",
              source: { path: "db", repository: "https://o.example/r", revision: "v" },
            }),
          ],
        },
        { agent: flux() },
      ),
    ),
);
const objects = whole.filter(({ type }) => type.startsWith("kubernetes:"));

test("every object is written under the one field manager, which wins", () => {
  for (const { name, inputs } of objects) {
    assert.equal(inputs.metadata.annotations?.["pulumi.com/patchFieldManager"], "plumbline", name);
    assert.equal(inputs.metadata.annotations["pulumi.com/patchForce"], "true", name);
  }
});

test("every child's name starts with that of the platform", () => {
  for (const { name } of whole) assert.match(name, /^p(-|$)/);
});

test("an app follows the repository and branch of the platform unless it names its own", () => {
  assert.deepEqual(
    ["shop", "data"].map((name) => named(whole, "Namespace", name).metadata.annotations["plumbline.dev/source"]),
    ["http://git.example/p.git#trunk:apps/shop", "https://o.example/r#v:db"],
  );
  assert.deepEqual(named(whole, "Kustomization", "shop").spec.dependsOn, [{ namespace: "data", name: "db" }]);
});

test("layers are built on the cluster, apps are given to the agent", async () => {
  let cluster: Cluster | undefined;
  const deliveries: Delivery[] = [];
  const deliver: Agent["deliver"] = (_, delivery) => {
    deliveries.push(delivery);
    return undefined as never;
  };
  const seen: unknown[] = [];
  const stand = (name: string): Cluster => {
    cluster = { provider: new Provider(name), audiences: ["a"] };
    return cluster;
  };
  await record(
    () =>
      new Platform(
        definePlatform(
          {
            name: "q",
            git,
            cluster: layer({ slot: "cluster", implementation: "fake", needs: [], build: stand }),
            apps: [
              app({
                name: "shop",
                source: { path: "./x/" },
                kind: "helm",
                values: { replicas: 2 },
                valuesFiles: ["more.yaml"],
                interval: "9s",
                timeout: "8s",
                prune: false,
                suspend: true,
              }),
            ],
          },
          {
            agent: layer({
              slot: "agent",
              implementation: "fake",
              needs: ["cluster"],
              build: (name, needs) => {
                seen.push(name, needs.cluster === cluster);
                return { deliver };
              },
            }),
          },
        ),
      ),
  );
  assert.deepEqual(seen, ["q-agent", true]);
  assert.deepEqual(
    deliveries.map(({ deployer: _, deployerUid: __, ...rest }) => rest),
    [
      {
        name: "shop",
        namespace: "shop",
        repository: git.url,
        credentials: undefined,
        verify: undefined,
        revision: { branch: "trunk" },
        path: "x",
        kind: "helm",
        values: { replicas: 2 },
        valuesFiles: ["more.yaml"],
        images: {},
        health: [],
        interval: "9s",
        timeout: "8s",
        prune: false,
        suspend: true,
        awaited: false,
        dependsOn: [],
      },
    ],
  );
});

test("what the platform declares in an app's namespace carries the label that admission guards", () => {
  assert.equal(marks.platform, platformLabel);
  const inApps = objects.filter(({ inputs }) => inputs.metadata?.namespace === "shop");
  assert.ok(inApps.length >= 5, `${inApps.length}`);
  for (const { inputs } of inApps) assert.equal(inputs.metadata.labels?.[marks.platform], "true", inputs.metadata.name);
});

// Pod Security "restricted" as https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists it, and the
// defaults of this library on top.
const pods = ofKind(objects, "Deployment");
for (const { inputs } of pods) {
  const { name } = inputs.metadata;
  const pod = inputs.spec.template.spec;
  test(`${name} keeps to Pod Security restricted and the defaults of a layer`, () => {
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.ok(pod.securityContext.runAsUser > 0);
    assert.equal(pod.securityContext.seccompProfile.type, "RuntimeDefault");
    for (const field of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(pod[field], undefined, field);
    for (const volume of pod.volumes ?? []) {
      const [kind] = Object.keys(volume).filter((key) => key !== "name");
      assert.ok(["configMap", "emptyDir", "secret", "projected"].includes(kind ?? ""), kind);
    }
    assert.notEqual(pod.serviceAccountName, undefined);
    for (const container of pod.containers) {
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      assert.ok(container.resources.requests.cpu && container.resources.requests.memory, "requests");
      assert.ok(container.resources.limits.memory, "limits");
      for (const { hostPort } of container.ports ?? []) assert.equal(hostPort, undefined);
      // local-path-provisioner serves nothing: there is nothing that a probe could ask.
      if (name !== "local-path-provisioner") assert.ok(container.readinessProbe && container.livenessProbe, "probes");
    }
  });
}
test("there are pods to look at", () => assert.equal(pods.length, 5));

test("developers read everything but Secrets, and open nothing", async () => {
  const people = await record(() => new Identities("i", { developers: "team" }));
  assert.equal(named(people, "ClusterRoleBinding", "plumbline:developer").subjects[0].name, "team");
  assert.equal(named(whole, "ClusterRoleBinding", "plumbline:developer").subjects[0].name, "plumbline:developers");
  const { rules } = named(whole, "ClusterRole", "plumbline:developer");
  for (const { verbs, apiGroups = [], resources = [] } of rules) {
    if (apiGroups.includes("")) {
      assert.ok(
        !resources.some((resource: string) => /^secrets|\*|exec|attach|portforward|proxy|token/.test(resource)),
      );
    }
    assert.ok(!apiGroups.includes("*") && !apiGroups.includes("authentication.k8s.io"));
    for (const verb of verbs) assert.ok(["get", "list", "watch"].includes(verb), verb);
  }
});

test("a mirror replaces the registry and keeps repository and tag", () => {
  assert.equal(image("source-controller"), images["source-controller"].reference);
  assert.equal(image("source-controller", "r.example:5000/m/"), "r.example:5000/m/fluxcd/source-controller:v1.8.0");
  assert.equal(version("coredns"), "1.13.1");
});

test("every image has a tag and the day of its release", () => {
  for (const [program, { reference, released }] of Object.entries(images)) {
    assert.match(reference, /^[a-z0-9.]+\.[a-z]+\/[^:]+:v?\d[^:]*$/, program);
    assert.ok(!Number.isNaN(Date.parse(released)), program);
  }
});

test("no image stands outside versions.ts", () => {
  const folder = join(import.meta.dirname, "..", "..", "..", "components");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !/^(node_modules|dist)\//.test(file) && file !== "versions.ts",
  );
  assert.ok(files.includes("agent/flux.ts"));
  for (const file of files) {
    const text = readFileSync(join(folder, file), "utf8");
    assert.doesNotMatch(text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, ""), /(ghcr|docker|quay|gcr|k8s)\.io\/[a-z-]+\//, file);
  }
});
