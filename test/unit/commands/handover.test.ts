// How does an app change hands? Against an API server of a few lines, which remembers what it is told.
import assert from "node:assert/strict";
import { basename, dirname } from "node:path";
import { test } from "node:test";
import { beginHandover, finishHandover, orphaned, wantedDeliverers } from "../../../commands/handover.ts";
import { asApplied } from "../../../commands/handover-release.ts";
import { deployerKinds } from "../../../components/delivery/deployer.ts";
import { app, apps, argoCd, definePlatform, embedded, flux } from "../../../components/index.ts";
import type { Api, KubernetesObject, ManagedFields } from "../../../local/kubernetes-api.ts";
import { repositoryWith } from "../../repositories.ts";

process.env.PLUMBLINE_KUBECONFIG = import.meta.filename;
const entry = (manager: string, more: Partial<ManagedFields> = {}): ManagedFields => ({
  manager,
  operation: "Apply",
  fieldsV1: { "f:data": { "f:word": {} } },
  ...more,
});
const kustomization = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shop/kustomizations/shop";
const release = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases/shop";
const application = "/apis/argoproj.io/v1alpha1/namespaces/shop/applications/shop";
const namespace = "/api/v1/namespaces/shop";
const configMap = (name: string) => `${namespace}/configmaps/${name}`;

type Stored = Record<
  string,
  {
    metadata: { labels?: Record<string, string>; managedFields?: ManagedFields[]; resourceVersion?: string };
    data?: object;
    type?: string;
  }
>;

/** Takes what it holds by path; knows merge patches of metadata and spec, managers, and nothing else. */
const serverWith = (stored: Stored) => {
  const sent: string[] = [];
  const all = () =>
    Object.entries(stored).map(([path, object]) => {
      const [, space, name] = /namespaces\/([^/]+)\/[^/]+\/([^/]+)$/.exec(path) ?? [
        "",
        undefined,
        path.split("/").at(-1),
      ];
      return {
        path,
        object: { ...object, metadata: { name, ...(space && { namespace: space }), ...object.metadata } },
      };
    });
  const api = {
    server: "",
    close: () => {},
    get: async (path: string) => {
      const group = path.replace(/^\/api(s)?\//, "").replace(/\/?v\d+$/, "");
      const resources = deployerKinds
        .filter((each) => each.group === group)
        .map(({ kind }) => ({ name: `${kind.toLowerCase()}s`, kind, namespaced: true }));
      return { resources };
    },
    list: async (path: string) => {
      const [collection = "", query = ""] = path.split("?");
      const label = decodeURIComponent(query).replace("labelSelector=", "").split("=")[0] ?? "";
      const parent = (each: string) => each.slice(0, each.lastIndexOf("/"));
      return all()
        .filter((each) =>
          [parent(each.path), parent(each.path).replace(/namespaces\/[^/]+\//, "")].includes(collection),
        )
        .filter(({ object }) => !label || label in (object.metadata.labels ?? {}))
        .map(({ object }) => object as KubernetesObject);
    },
    send: async (method: string, path: string, body: unknown, type = "") => {
      sent.push(`${method} ${path} ${JSON.stringify(body)}`);
      const [plain = "", query = ""] = path.split("?");
      const found = stored[plain];
      if (!found) return {};
      if (type.includes("apply")) {
        const manager = new URLSearchParams(query).get("fieldManager");
        const kept = found.metadata.managedFields?.filter((each) => each.manager !== manager) ?? [];
        stored[plain] = { ...found, metadata: { ...found.metadata, managedFields: kept } };
      }
      if (type.includes("merge")) {
        const { labels = {} } = (body as { metadata?: { labels?: Record<string, string | null> } }).metadata ?? {};
        const merged = Object.entries({ ...found.metadata.labels, ...labels }).filter(([, value]) => value !== null);
        stored[plain] = {
          ...found,
          metadata: { ...found.metadata, labels: Object.fromEntries(merged) as Record<string, string> },
        };
      }
      return stored[plain];
    },
  };
  return { api: api as unknown as Api, sent, stored };
};

const wanted = (to: "flux" | "argo-cd" | "pulumi") => new Map([["shop", { namespace: "shop", name: "shop", to }]]);
const begin = async (stored: Stored, to: Parameters<typeof wanted>[0]) => {
  const server = serverWith(stored);
  const begun = await beginHandover(server.api, "s", {}, wanted(to));
  return { begun: begun.map((each) => `${each.name} to ${each.to}`), sent: server.sent };
};

test("who is to deliver an app: its agent, or Pulumi for the model push", async () => {
  const git = { url: "http://git.example/p.git", branch: "main" };
  const settings = {
    name: "p",
    git,
    cluster: embedded(),
    apps: [
      app({ name: "shop", source: { path: "a" } }),
      app({ name: "web", namespace: "front", source: { path: "b" }, model: "push" }),
    ],
  };
  const found = async (agent: ReturnType<typeof flux>) =>
    [...(await wantedDeliverers(definePlatform(settings, { agent }))).values()].map(
      (each) => `${each.namespace}/${each.name} ${each.to}`,
    );
  assert.deepEqual(await found(flux()), ["shop/shop flux", "front/web pulumi"]);
  assert.deepEqual(await found(argoCd()), ["shop/shop argo-cd", "front/web pulumi"]);
});

test("the apps of a directory are looked for on this machine, where the URL is for the cluster alone", async () => {
  const { folder } = repositoryWith({ "apps/shop/a.yaml": "", "apps/web/a.yaml": "" });
  const git = { url: `http://10.88.0.1:3000/${basename(folder)}`, branch: "main" };
  const declared = definePlatform(
    { name: "p", git, cluster: embedded(), apps: [apps({ path: "apps/*", kind: "yaml" })] },
    { agent: flux() },
  );
  assert.deepEqual([...(await wantedDeliverers(declared, dirname(folder))).keys()], ["shop", "web"]);
});

test("whoever no longer delivers is stopped, and leaves what it delivered", async () => {
  const label = (to: string) => `{"plumbline.dev/handover":"${to}"}`;
  const marked = (to: string) =>
    `PATCH ${namespace}?fieldManager=plumbline-handover {"metadata":{"labels":${label(to)}}}`;
  for (const path of [kustomization, release]) {
    assert.deepEqual(await begin({ [path]: { metadata: {} } }, "argo-cd"), {
      begun: ["shop to argo-cd"],
      sent: [
        marked("argo-cd"),
        `PATCH ${path}?fieldManager=plumbline-handover {"metadata":{"labels":${label("argo-cd")}},"spec":{"suspend":true}}`,
      ],
    });
  }
  assert.deepEqual(await begin({ [application]: { metadata: {} } }, "pulumi"), {
    begun: ["shop to pulumi"],
    sent: [
      marked("pulumi"),
      `PATCH ${application}?fieldManager=plumbline-handover {"metadata":{"labels":${label("pulumi")},"finalizers":null},"spec":{"syncPolicy":{"automated":{"enabled":false}}}}`,
    ],
  });
});

test("whoever goes on delivering is left alone, and released where a handover was begun and taken back", async () => {
  assert.deepEqual(await begin({ [kustomization]: { metadata: {} } }, "flux"), { begun: [], sent: [] });
  const stopped = { metadata: { labels: { "plumbline.dev/handover": "pulumi" } } };
  assert.deepEqual(await begin({ [kustomization]: stopped }, "flux"), {
    begun: [],
    sent: [
      `PATCH ${kustomization}?fieldManager=plumbline-handover {"metadata":{"labels":{"plumbline.dev/handover":null}}}`,
    ],
  });
  const other = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/other/kustomizations/other";
  assert.deepEqual(await begin({ [other]: { metadata: {} } }, "pulumi"), { begun: [], sent: [] });
});

test("what Pulumi applied of a commit stays when it goes from the state, and nothing else", () => {
  const of = (name: string, space: string, type = "kubernetes:core/v1:ConfigMap") => ({
    urn: `urn:pulumi:s::p::${type}::${name}`,
    type,
    inputs: { metadata: { namespace: space } },
  });
  const deployment = {
    resources: [
      of("p-shop/web", "shop"),
      of("p-shop-delivered", "shop"),
      of("p-other/web", "other"),
      of("a/b", "shop", "x:y:Z"),
    ],
    pending_operations: [],
  };
  assert.deepEqual(
    orphaned(deployment, "shop")
      .resources?.filter(({ retainOnDelete }) => retainOnDelete)
      .map(({ urn }) => urn),
    ["urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::p-shop/web"],
  );
  assert.deepEqual(orphaned(deployment, "shop").pending_operations, []);
});

test("entries of a manager become one that was applied, with the fields of all; others stay", () => {
  const status = entry("helm-controller", { operation: "Update", subresource: "status" });
  const entries = asApplied(
    [
      entry("helm-controller", { operation: "Update", fieldsV1: { "f:data": { "f:a": {} } } }),
      entry("helm-controller", { fieldsV1: { "f:data": { "f:b": {} }, "f:metadata": {} } }),
      entry("plumbline"),
      status,
    ],
    new Set(["helm-controller"]),
  );
  assert.deepEqual(entries, [
    entry("plumbline"),
    status,
    entry("helm-controller", { fieldsV1: { "f:data": { "f:a": {}, "f:b": {} }, "f:metadata": {} } }),
  ]);
});

const pushed = (more: Stored): Stored => ({
  [namespace]: { metadata: { labels: { "plumbline.dev/handover": "pulumi" } } },
  [configMap("shop-attempted")]: {
    metadata: { labels: { "plumbline.dev/push": "attempted", "plumbline.dev/platform": "true" } },
    data: { commit: "c0" },
  },
  [configMap("shop-delivered")]: {
    metadata: {
      labels: { "plumbline.dev/push": "delivered", "plumbline.dev/platform": "true" },
      managedFields: [entry("plumbline"), entry("kustomize-controller")],
    },
    data: { commit: "c0" },
  },
  ...more,
});

test("the old one is taken off every object that the new one has, and what nobody has any more is named", async () => {
  const server = serverWith(
    pushed({
      [configMap("both")]: { metadata: { managedFields: [entry("plumbline"), entry("kustomize-controller")] } },
      [configMap("updated")]: {
        metadata: {
          resourceVersion: "7",
          managedFields: [entry("plumbline"), entry("helm-controller", { operation: "Update" })],
        },
      },
      [`${namespace}/secrets/release`]: {
        metadata: { managedFields: [entry("helm-controller", { operation: "Update" })] },
        type: "helm.sh/release.v1",
      },
      [configMap("dropped")]: { metadata: { managedFields: [entry("argocd-controller")] } },
      [configMap("scaled")]: {
        metadata: { managedFields: [entry("plumbline"), entry("helm-controller", { subresource: "scale" })] },
      },
    }),
  );
  const [done] = await finishHandover(server.api, wanted("pulumi"));
  assert.deepEqual([done?.handover.name, done?.left], ["shop", ["ConfigMap dropped"]]);
  const managers = (name: string) =>
    server.stored[configMap(name)]?.metadata.managedFields?.map(({ manager }) => manager);
  assert.deepEqual([managers("both"), managers("updated")], [["plumbline"], ["plumbline"]]);
  assert.deepEqual(managers("dropped"), ["argocd-controller"]);
  assert.deepEqual(managers("shop-delivered"), ["plumbline", "kustomize-controller"], "it is the platform's");
  assert.ok(
    server.sent.some((each) => each.includes('"path":"/metadata/resourceVersion","value":"7"')),
    server.sent.join("\n"),
  );
  assert.ok(server.sent.includes(`DELETE ${namespace}/secrets?labelSelector=owner%3Dhelm%2Cname%3Dshop undefined`));
  assert.deepEqual(server.stored[namespace]?.metadata.labels, {});
});

test("an app that does not change hands is not looked at", async () => {
  const server = serverWith({ [namespace]: { metadata: {} } });
  assert.deepEqual(await finishHandover(server.api, wanted("pulumi")), []);
  assert.deepEqual(server.sent, []);
});
