// Do the static policies hold in a real API server? Everybody's attempts, the writes of the table, and the table itself.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { identities, names, namespaces, withheld } from "../../components/admission/identities.ts";
import { requireCluster } from "../../components/cluster/existing-checks.ts";
import { type Api, ApiError } from "../../local/kubernetes-api.ts";
import { admissionManifests, tooWide } from "../../policies/admission.ts";
import { type ApiServer, startApiServer, type Users } from "./api-server.ts";
import { crd, gitOnlyCases, restrictedPodSpec, type World } from "./git-only-cases.ts";

const repository = "http://git.example/platform.git";
const account = (namespace: string, name: string) => ({
  user: `system:serviceaccount:${namespace}:${name}`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
});
const users = {
  bootstrap: { user: "plumbline:bootstrap", groups: ["system:masters"] },
  ci: { user: "plumbline:ci", groups: [names.ci] },
  developer: { user: "plumbline:developer", groups: [names.developers] },
  notifier: { user: names.notifier },
  replicaSets: account(namespaces.system, "replicaset-controller"),
  garbage: account(namespaces.system, "generic-garbage-collector"),
  scheduler: { user: "system:kube-scheduler" },
  manager: { user: "system:kube-controller-manager" },
  source: account(namespaces.agent, "source-controller"),
  kustomize: account(namespaces.agent, "kustomize-controller"),
  argo: account("argocd", "argocd-application-controller"),
  webhook: account("argocd", "webhook"),
  webhookOfFlux: account(namespaces.agent, "webhook"),
  deployer: account("default", names.deployer),
  storage: account(namespaces.storage, "local-path-provisioner"),
  layer: account("vault", "vault"),
  app: account("default", "some-app"),
  node: { user: "system:node:node-0", groups: ["system:nodes"] },
} satisfies Users;

describe("an API server with the static policies", { timeout: 180_000 }, () => {
  let server: ApiServer;
  let world: World;
  before(async () => {
    const exemption = { rule: "volume-types", reason: "reads the node's log files", approver: "somebody" };
    const object = { kind: "Pod", namespace: "default", name: "collector" };
    const manifests = admissionManifests({
      repository,
      today: new Date("2026-06-01"),
      identities: [
        { serviceAccount: "vault:vault", grants: [{ verbs: ["update"], on: ["configmaps"], namespaces: ["default"] }] },
      ],
      exemptions: [
        { ...exemption, object, expires: "2026-06-01" },
        { ...exemption, object: { ...object, name: "lapsed" }, expires: "2026-05-31" },
      ],
    });
    server = await startApiServer(manifests, users);
    const ci = await server.as("ci");
    for (const name of [namespaces.agent, namespaces.storage])
      await ci.send("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const group = "source.toolkit.fluxcd.io";
    const [definition, mayEverything, everybody] = [
      crd(`gitrepositories.${group}`, group, "GitRepository", "gitrepositories"),
      role,
      binding,
    ];
    const applications = crd("applications.argoproj.io", "argoproj.io", "Application", "applications");
    for (const each of [definition, applications])
      await ci.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", each);
    await ci.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", mayEverything);
    await ci.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", everybody);
    await served(ci, `/apis/${group}/v1/gitrepositories`);
    await served(ci, "/apis/argoproj.io/v1/applications");
    world = {
      ci: server.kubeconfig("ci"),
      developer: server.kubeconfig("developer"),
      notifier: server.kubeconfig("notifier"),
      kubectl: server.kubectl,
      agentNamespace: namespaces.agent,
      platformSource: `${repository} stacks/`,
    };
  });
  after(() => server?.stop());

  describe("lets nobody past Git", () => gitOnlyCases(() => world));

  const tries = async (who: keyof typeof users, method: "POST" | "PATCH" | "DELETE", path: string, body?: object) => {
    const type = method === "PATCH" ? "application/merge-patch+json" : undefined;
    try {
      await (await server.as(who)).send(method, path, body, type);
      return "allowed";
    } catch (error) {
      if (!(error instanceof ApiError) || !error.message.includes("ValidatingAdmissionPolicy")) throw error;
      return "refused";
    }
  };
  const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
  const pod = (name: string, spec: object = restrictedPodSpec) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec,
  });
  const inDefault = "/api/v1/namespaces/default";

  it("is asked what it lacks for the platform, and what its users may not", async () => {
    assert.equal(await requireCluster({ kubeconfig: server.kubeconfig("ci") }), true);
    await assert.rejects(requireCluster({ kubeconfig: server.kubeconfig("source") }), {
      message:
        /cannot hold the platform:\n {2}the user of the context may not: escalate clusterroles\.rbac\.authorization\.k8s\.io, bind /,
    });
  });

  it("lets the controllers of the table do their work, and nothing else", async () => {
    await tries("ci", "POST", `${inDefault}/serviceaccounts`, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default" },
    });
    await tries("ci", "POST", `${inDefault}/serviceaccounts`, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "deployer" },
    });
    const token = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "leader" } };
    const leases = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { generateName: "e-" },
      involvedObject: { namespace: "default" },
    };
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "one" },
      target: { kind: "Node", name: "node-0" },
    };
    const volume = {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "v" },
      spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/v" } },
    };
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "node-0" } };
    const application = {
      apiVersion: "argoproj.io/v1",
      kind: "Application",
      metadata: { name: "shop", annotations: { kept: "as it is" } },
      spec: { project: "shop" },
    };
    const applications = "/apis/argoproj.io/v1/namespaces/default/applications";
    const refresh = { annotations: { "argocd.argoproj.io/refresh": "normal" } };
    const cases: [
      keyof typeof users,
      "POST" | "PATCH" | "DELETE",
      string,
      object | undefined,
      "allowed" | "refused",
    ][] = [
      ["replicaSets", "POST", `${inDefault}/pods`, pod("one"), "allowed"],
      ["replicaSets", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["replicaSets", "POST", `${inDefault}/events`, event, "allowed"],
      ["node", "POST", "/api/v1/nodes", node, "allowed"],
      ["scheduler", "POST", `${inDefault}/pods/one/binding`, binding, "allowed"],
      ["scheduler", "PATCH", `${inDefault}/pods/one`, { metadata: { labels: { a: "b" } } }, "refused"],
      ["node", "PATCH", "/api/v1/nodes/node-0/status", { status: { phase: "Running" } }, "allowed"],
      ["node", "PATCH", `${inDefault}/pods/one/status`, { status: { message: "m" } }, "allowed"],
      ["node", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["garbage", "PATCH", `${inDefault}/pods/one`, { metadata: { finalizers: [] } }, "allowed"],
      ["garbage", "DELETE", `${inDefault}/pods/one?gracePeriodSeconds=0`, undefined, "allowed"],
      ["garbage", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      [
        "manager",
        "POST",
        "/api/v1/namespaces/kube-system/serviceaccounts",
        { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "some-controller" } },
        "allowed",
      ],
      ["manager", "POST", "/api/v1/namespaces/kube-system/serviceaccounts/some-controller/token", token, "allowed"],
      ["manager", "POST", `${inDefault}/serviceaccounts/default/token`, token, "refused"],
      ["kustomize", "POST", `${inDefault}/serviceaccounts/deployer/token`, token, "allowed"],
      ["kustomize", "POST", `${inDefault}/serviceaccounts/default/token`, token, "refused"],
      ["kustomize", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["kustomize", "POST", leases(namespaces.agent), lease, "allowed"],
      ["kustomize", "POST", leases("default"), lease, "refused"],
      ["source", "POST", `${inDefault}/serviceaccounts/deployer/token`, token, "refused"],
      ["argo", "POST", `${inDefault}/serviceaccounts/deployer/token`, token, "allowed"],
      ["argo", "POST", `${inDefault}/serviceaccounts/default/token`, token, "refused"],
      ["argo", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["argo", "POST", applications, application, "refused"],
      ["deployer", "POST", applications, application, "refused"],
      ["ci", "POST", applications, application, "allowed"],
      ["argo", "PATCH", `${applications}/shop`, { status: { sync: { status: "Synced" } } }, "allowed"],
      ["argo", "PATCH", `${applications}/shop`, { spec: { project: "other" } }, "refused"],
      ["notifier", "PATCH", `${applications}/shop`, { metadata: refresh }, "allowed"],
      ["notifier", "PATCH", `${applications}/shop`, { metadata: refresh, spec: { project: "other" } }, "refused"],
      ["notifier", "PATCH", `${applications}/shop`, { metadata: { annotations: { kept: null } } }, "refused"],
      ["webhook", "PATCH", `${applications}/shop`, { metadata: refresh }, "allowed"],
      ["webhook", "PATCH", `${applications}/shop`, { metadata: refresh, spec: { project: "other" } }, "refused"],
      ["webhook", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["webhookOfFlux", "PATCH", `${applications}/shop`, { metadata: refresh }, "refused"],
      ["deployer", "PATCH", `${applications}/shop`, { spec: { project: "other" } }, "refused"],
      ["argo", "DELETE", `${applications}/shop`, undefined, "refused"],
      ["storage", "POST", "/api/v1/persistentvolumes", volume, "allowed"],
      ["storage", "POST", `${inDefault}/pods`, pod("two"), "refused"],
      ["ci", "POST", `${inDefault}/configmaps`, map("unseal"), "allowed"],
      ["layer", "PATCH", `${inDefault}/configmaps/unseal`, { data: { a: "b" } }, "allowed"],
      ["layer", "DELETE", `${inDefault}/configmaps/unseal`, undefined, "refused"],
      ["app", "POST", leases("default"), { ...lease, metadata: { name: "app" } }, "allowed"],
      ["app", "POST", `${inDefault}/events`, event, "allowed"],
      ["app", "POST", leases("kube-system"), lease, "refused"],
      ["app", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      ["bootstrap", "POST", `${inDefault}/configmaps`, map("own"), "refused"],
      [
        "bootstrap",
        "DELETE",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/plumbline-ci",
        undefined,
        "refused",
      ],
      [
        "bootstrap",
        "PATCH",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/plumbline-ci",
        { metadata: { labels: { a: "b" } } },
        "allowed",
      ],
      ["bootstrap", "POST", `${inDefault}/pods/one/exec?command=id`, undefined, "refused"],
    ];
    for (const [who, method, path, body, expected] of cases)
      assert.equal(await tries(who, method, path, body), expected, `${who}: ${method} ${path}`);
  });

  it("lets an exempted object pass the rule it is exempted from, until the exemption lapses", async () => {
    const spec = { ...restrictedPodSpec, volumes: [{ name: "logs", hostPath: { path: "/var/log" } }] };
    assert.equal(await tries("ci", "POST", `${inDefault}/pods`, pod("collector", spec)), "allowed");
    assert.equal(await tries("ci", "POST", `${inDefault}/pods`, pod("collector-x", spec)), "allowed"); // made from it
    assert.equal(await tries("ci", "POST", `${inDefault}/pods`, pod("collectors", spec)), "refused");
    assert.equal(await tries("ci", "POST", `${inDefault}/pods`, pod("lapsed", spec)), "refused");
    assert.equal(
      await tries("ci", "POST", `${inDefault}/pods`, pod("collector-y", { ...spec, hostPID: true })),
      "refused",
    );
  });

  it("has in its table what the API server's own roles let each controller write, but for what is withheld", async () => {
    const roles = await (await server.as("ci")).list("/apis/rbac.authorization.k8s.io/v1/clusterroles");
    const verbs: Record<string, string> = {
      create: "create",
      update: "update",
      patch: "update",
      delete: "delete",
      deletecollection: "delete",
    };
    const given = new Map(
      identities.map(({ user, serviceAccount, grants }) => [
        user ?? serviceAccount?.replace(`${namespaces.system}:`, ""),
        new Set(grants.flatMap(({ verbs, on }) => verbs.flatMap((verb) => on.map((each) => `${verb} ${each}`)))),
      ]),
    );
    let compared = 0;
    for (const { metadata, rules } of roles) {
      const controller = metadata.name.replace("system:controller:", "");
      if (controller === metadata.name || withheld[controller]) continue;
      const theirs = new Set(
        (rules as { verbs: string[]; apiGroups?: string[]; resources?: string[] }[]).flatMap((rule) =>
          rule.verbs.flatMap((verb) =>
            (rule.apiGroups ?? []).flatMap((group) =>
              (rule.resources ?? []).flatMap((resource) => {
                const ours = verbs[verb];
                const name = group === "*" || group === "" ? resource : `${group}/${resource}`;
                const elsewhere =
                  resource === "events" ||
                  group === "extensions" ||
                  group.startsWith("authorization") ||
                  group.startsWith("authentication");
                return ours && !elsewhere
                  ? [`${ours} ${group === "*" && resource.includes("/") ? resource : name}`]
                  : [];
              }),
            ),
          ),
        ),
      );
      const ours = given.get(controller) ?? new Set();
      // "delete *" says "delete namespaces", too.
      const said = [...theirs].filter((each) => ours.has(each) || !ours.has(each.replace(/ .*/, " *")));
      assert.deepEqual([...ours].sort(), said.sort(), controller);
      compared += 1;
    }
    assert.ok(compared >= 35, `${compared} controllers compared`);
  });

  it("knows every built-in role with which one could pass for somebody else", async () => {
    const roles = await (await server.as("ci")).list("/apis/rbac.authorization.k8s.io/v1/clusterroles");
    const wide = roles
      .filter(({ rules }) =>
        (rules as { verbs: string[] }[] | null)?.some(({ verbs }) =>
          verbs.some((verb) => verb === "*" || verb === "escalate" || verb.startsWith("impersonate")),
        ),
      )
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith("system:") || name === "cluster-admin");
    for (const name of wide) assert.ok(tooWide.includes(name), name);
  });
});

const role = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "everything" },
  rules: [
    {
      apiGroups: ["*"],
      resources: ["*"],
      verbs: ["get", "list", "create", "update", "patch", "delete", "deletecollection"],
    },
  ],
};
const binding = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "everything" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "everything" },
  subjects: Object.values(users).map(({ user }) => ({
    apiGroup: "rbac.authorization.k8s.io",
    kind: "User",
    name: user,
  })),
};

const served = async (ci: Api, path: string): Promise<void> => {
  for (const end = Date.now() + 30_000; ; await new Promise((next) => setTimeout(next, 50))) {
    try {
      await ci.get(path);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
};
