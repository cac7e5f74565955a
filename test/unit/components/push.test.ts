// What does Pulumi apply of an app of the model "push", in which order, and what does it refuse?
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSecret } from "@pulumi/pulumi";
import type { RenderedObject } from "../../../components/delivery/render.ts";
import {
  App,
  type AppArgs,
  app,
  apps,
  type Definition,
  definePlatform,
  embedded,
  flux,
  InvalidDeclaration,
  Platform,
  pushing,
  type Rendering,
} from "../../../components/index.ts";
import { signer } from "../../signatures.ts";
import { named, ofKind, record } from "./recorder.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const commit = "c0".repeat(20);
const of = (apiVersion: string, kind: string, metadata: object = {}, rest: object = {}): RenderedObject => ({
  object: { apiVersion, kind, metadata: { name: "web", namespace: "shop", ...metadata }, ...rest },
  file: `deploy/${kind.toLowerCase()}.yaml`,
  line: 3,
});
const rendering = (objects: readonly RenderedObject[], more: Partial<Rendering> = {}): Rendering => ({
  commit,
  objects,
  irreproducible: [],
  ...more,
});
const web = [
  of("apps/v1", "Deployment", {}, { spec: { replicas: 2 }, status: { replicas: 1 } }),
  of("v1", "Service", { annotations: { mine: "yes" } }),
  of("v1", "Secret", {}, { stringData: { password: "hidden" }, data: { more: "aGlkZGVu" } }),
  of("v1", "ConfigMap", {}, { data: { message: "hello" } }),
  of("networking.k8s.io/v1", "NetworkPolicy"),
];
const args: AppArgs = { repository: "https://git.example/shop.git", path: "./deploy/", timeout: "3m" };
const declare = (what: Rendering, more: Partial<AppArgs> = {}) =>
  record(() => new App("shop", { ...args, ...more }, { agent: pushing(what) }));
const refused = async (what: Rendering, more: Partial<AppArgs> = {}): Promise<string> => {
  try {
    await declare(what, more);
  } catch (error) {
    assert.ok(error instanceof InvalidDeclaration, String(error));
    assert.match(error.message, /^App shop, from https:\/\/git\.example\/shop\.git at commit c0c0c0c0c0c0: /);
    return error.problems.map(({ file, field, allowed }) => `${file} ${field}: ${allowed}`).join("\n");
  }
  return assert.fail("it was not refused");
};

test("each object is a typed resource; what starts pods comes after the rest, and the record after all", async () => {
  const declared = await declare(rendering(web));
  const children = declared.filter(({ name }) => name.startsWith("shop/"));
  assert.deepEqual(children.map(({ type, name }) => `${type} ${name}`).sort(), [
    "kubernetes:apps/v1:Deployment shop/web",
    "kubernetes:core/v1:ConfigMap shop/web",
    "kubernetes:core/v1:Secret shop/web",
    "kubernetes:core/v1:Service shop/web",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy shop/web",
  ]);
  const after = (kind: string, name: string) =>
    declared.find((each) => each.type.endsWith(`:${kind}`) && each.name === name)?.after ?? [];
  assert.deepEqual(
    after("ConfigMap", "shop/web").filter((each) => each === "shop-attempted" || each.includes("/")),
    ["shop-attempted"],
  );
  assert.equal(after("Deployment", "shop/web").filter((each) => each === "shop/web").length, 4);
  assert.equal(after("ConfigMap", "shop-delivered").filter((each) => each === "shop/web").length, 5);
  assert.ok(after("ConfigMap", "shop-attempted").includes("shop-namespace"));
  for (const state of ["attempted", "delivered"]) {
    const { data, metadata } = named(declared, "ConfigMap", `shop-${state}`);
    assert.deepEqual(data, { repository: args.repository, commit, path: "deploy" });
    assert.equal(metadata.labels["plumbline.dev/push"], state);
  }
});

test("an object is as it was rendered, without a status, and no part of the platform", async () => {
  const declared = await declare(rendering(web));
  const { status, spec } = named(declared, "Deployment", "web");
  assert.deepEqual([status, spec], [undefined, { replicas: 2 }]);
  assert.equal(named(declared, "Deployment", "web").metadata.annotations["pulumi.com/skipAwait"], undefined);
  const { annotations, labels } = named(declared, "Service", "web").metadata;
  assert.deepEqual([annotations, labels], [{ mine: "yes", "pulumi.com/skipAwait": "true" }, undefined]);
  assert.equal(named(declared, "ServiceAccount", "deployer").metadata.labels["plumbline.dev/platform"], "true");
});

test("what a Secret holds is secret in the state, in both of its fields", async () => {
  const made: { stringData: unknown; data: unknown }[] = [];
  await record(
    () =>
      new App("shop", args, {
        agent: pushing(rendering(web)),
        transformations: [
          ({ type, props, opts }) => {
            if (type === "kubernetes:core/v1:Secret") made.push(props as (typeof made)[number]);
            return { props, opts };
          },
        ],
      }),
  );
  assert.equal(made.length, 1);
  for (const field of ["stringData", "data"] as const)
    assert.equal(await isSecret(made[0]?.[field] as Parameters<typeof isSecret>[0]), true, field);
});

test("what an agent could not bring is refused, with its file and line, and all of it at once", async () => {
  const said = await refused(
    rendering(
      [
        { ...of("batch/v1", "Job"), hook: "pre-install" },
        of("rbac.authorization.k8s.io/v1", "ClusterRole"),
        of("v1", "Namespace"),
        of("v1", "ResourceQuota"),
        of("v1", "ConfigMap", { namespace: "other" }),
        of("v1", "ServiceAccount", { name: "deployer" }),
        of("v1", "Service", { labels: { "plumbline.dev/platform": "true" } }),
        of("apps/v9", "StatefulSet"),
        of("v1", "Pod", { name: undefined, generateName: "web-" }),
      ],
      { irreproducible: [{ file: "deploy/templates/a.yaml", line: 7, uses: "randAlphaNum" }] },
    ),
    {
      suspend: true,
      health: [{ apiVersion: "a.example/v1", kind: "A", current: "true" }],
      verify: { keys: [signer("Ada").publicKey] },
    },
  );
  for (const expected of [
    /undefined health: only with model "pull"/,
    /undefined verify: only with model "pull"/,
    /undefined suspend: only with model "pull"/,
    /deploy\/templates\/a\.yaml:7 template: functions that give the same each time/,
    /deploy\/job\.yaml:3 Job web: no hook of Helm/,
    /deploy\/clusterrole\.yaml:3 ClusterRole web: the kinds that/,
    /deploy\/namespace\.yaml:3 Namespace web: the kinds that/,
    /deploy\/resourcequota\.yaml:3 ResourceQuota web: the kinds that/,
    /deploy\/configmap\.yaml:3 ConfigMap web: shop, the namespace/,
    /deploy\/serviceaccount\.yaml:3 ServiceAccount deployer: another name/,
    /deploy\/service\.yaml:3 Service web: no such label/,
    /deploy\/statefulset\.yaml:3 StatefulSet web: a version of this kind/,
    /deploy\/pod\.yaml:3 Pod web-: metadata\.name/,
  ])
    assert.match(said, expected);
});

const git = { url: "http://git.example/p.git", branch: "main" };
const define = (declared: Definition["settings"]["apps"], layers: { agent?: ReturnType<typeof flux> }) =>
  definePlatform({ name: "p", git, cluster: embedded(), apps: declared }, layers);

test("a platform of pushed apps alone needs no agent, one with a pulled app does", async () => {
  const pushedOnly = define([app({ name: "shop", source: { path: "a" }, model: "push" })], {});
  assert.throws(() => define([apps({ path: "apps/*" })], {}), /layers\.agent.*or model "push" for each of them/);
  const declared = await record(() => new Platform({ ...pushedOnly, pushed: new Map([["shop", rendering(web)]]) }));
  assert.equal(named(declared, "Deployment", "web").metadata.annotations["pulumi.com/patchFieldManager"], "plumbline");
  assert.equal(ofKind(declared, "Kustomization").length, 0);
  assert.throws(() => new Platform(pushedOnly), /what app "shop" consists of, Git must be asked first: discover\(\)/);
});

test("apps of both models wait for each other: Pulumi puts in order what no agent can", async () => {
  const definition = define(
    [
      app({ name: "first", source: { path: "a" }, dependsOn: ["middle"] }),
      app({ name: "middle", source: { path: "b" }, model: "push", dependsOn: ["last", "base"] }),
      app({ name: "last", source: { path: "c" }, dependsOn: ["plain"] }),
      app({ name: "base", namespace: "shop", source: { path: "e" }, model: "push" }),
      app({ name: "plain", source: { path: "d" } }),
    ],
    { agent: flux() },
  );
  const middle = rendering([of("v1", "ConfigMap", { namespace: "middle" })]);
  const base = rendering([of("v1", "ConfigMap")]);
  const declared = await record(
    () =>
      new Platform({
        ...definition,
        pushed: new Map([
          ["middle", middle],
          ["base", base],
        ]),
      }),
  );
  const after = (name: string) => declared.find((each) => each.name === name)?.after ?? [];
  assert.ok(after("p-middle/web").includes("p-last-kustomization"), String(after("p-middle/web")));
  assert.ok(after("p-middle/web").includes("p-base-delivered"));
  assert.ok(after("p-first-kustomization").includes("p-middle-delivered"));
  const kustomization = (name: string) => named(declared, "Kustomization", name);
  assert.deepEqual(kustomization("first").spec.dependsOn, []);
  assert.deepEqual(kustomization("last").spec.dependsOn, [{ namespace: "plain", name: "plain" }]);
  assert.equal(kustomization("last").metadata.annotations["pulumi.com/waitFor"], "condition=Ready");
  assert.equal(kustomization("plain").metadata.annotations["pulumi.com/waitFor"], undefined);
});
