// Is Git the only way in? Attempts to write past it, each by somebody whose RBAC allows it, so that admission is what
// refuses. They run against any API server that has the static policies.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { dump, load } from "js-yaml";
import { platformLabel, sourceAnnotation } from "../../components/admission/identities.ts";
import { type Api, ApiError, connect, type PatchType } from "../../local/kubernetes-api.ts";

/** A cluster and who its people are. */
export interface World {
  /** Kubeconfig files. */
  readonly ci: string;
  readonly developer: string;
  readonly notifier: string;
  readonly kubectl: string;
  /** Namespace of the agent's sources; it exists. */
  readonly agentNamespace: string;
  /** What refusals name where a namespace does not say where it comes from. */
  readonly platformSource: string;
}

const [mine, other] = ["git-only-a", "git-only-b"];
const source = "http://git.example/platform.git#main:apps/git-only";
const grantName = "git-only-test";
const rbac = "rbac.authorization.k8s.io";
const verbs = [
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
  "bind",
  "escalate",
  "approve",
  "sign",
];

const core = (namespace: string) => `/api/v1/namespaces/${namespace}`;
const apps = (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const roles = (kind: string, namespace = "") => `/apis/${rbac}/v1/${namespace && `namespaces/${namespace}/`}${kind}`;
const object = (apiVersion: string, kind: string, name: string, rest: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});
const role = (name: string, verb: string[], resources = ["configmaps"]) =>
  object(`${rbac}/v1`, "ClusterRole", name, { rules: [{ apiGroups: [""], resources, verbs: verb }] });
const binding = (name: string, roleName: string, subject: object) =>
  object(`${rbac}/v1`, "ClusterRoleBinding", name, {
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name: roleName },
    subjects: [subject],
  });

/** A pod that keeps every rule. */
export const restrictedPodSpec = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name: "app",
      image: "registry.example/app:1",
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    },
  ],
};
const deployment = (name: string, spec: object = restrictedPodSpec) =>
  object("apps/v1", "Deployment", name, {
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  });

type Attempt = readonly [method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, type?: PatchType];
const merge: PatchType = "application/merge-patch+json";
const apply: PatchType = "application/apply-patch+yaml";

/** Registers the attempts as tests; to be called within `describe`. */
export const gitOnlyCases = (world: () => World): void => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-git-only-"));
  const people: Record<"ci" | "developer" | "notifier" | "deployer", Api> = {} as never;
  const kubeconfigs: Record<string, string> = {};

  before(async () => {
    const { ci, developer, notifier } = world();
    Object.assign(kubeconfigs, { ci, developer, notifier });
    for (const name of ["ci", "developer", "notifier"] as const)
      people[name] = await connect(kubeconfigs[name] as string);
    await prepare(people.ci, world());
    kubeconfigs.deployer = join(folder, "deployer.yaml");
    writeFileSync(kubeconfigs.deployer, await asDeployer(people.ci, ci), { mode: 0o600 });
    people.deployer = await connect(kubeconfigs.deployer);
  });
  after(async () => {
    await cleanUp(people.ci, world());
    for (const api of Object.values(people)) api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const refused = async (
    who: keyof typeof people,
    [method, path, body, type]: Attempt,
    ...says: (RegExp | string)[]
  ) => {
    const outcome = await people[who].send(method, path, body, type).then(
      () => "was allowed",
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof ApiError, `${who}: ${method} ${path} ${outcome}`);
    assert.match(outcome.message, /ValidatingAdmissionPolicy '[a-z-]+\.plumbline\.static\.k8s\.io'/, outcome.message);
    assert.equal(outcome.status, 422, outcome.message); // Invalid: Pulumi takes Forbidden for "cannot ask"
    for (const each of says)
      assert.ok(
        typeof each === "string" ? outcome.message.includes(each) : each.test(outcome.message),
        `${each}: ${outcome.message}`,
      );
  };
  const allowed = (who: keyof typeof people, [method, path, body, type]: Attempt) =>
    people[who].send(method, path, body, type);

  const attempts: Readonly<Record<string, Attempt>> = {
    "edits a Deployment": ["PATCH", `${apps(mine)}/web`, { spec: { paused: true } }, merge],
    "labels a Deployment": ["PATCH", `${apps(mine)}/web`, { metadata: { labels: { a: "b" } } }, merge],
    "scales a Deployment": ["PATCH", `${apps(mine)}/web/scale`, { spec: { replicas: 3 } }, merge],
    "changes a status": ["PATCH", `${apps(mine)}/web/status`, { status: { observedGeneration: 9 } }, merge],
    "deletes a Deployment": ["DELETE", `${apps(mine)}/web`],
    "deletes a collection": ["DELETE", apps(mine)],
    "applies something new": [
      "PATCH",
      `${core(mine)}/configmaps/new?fieldManager=me`,
      object("v1", "ConfigMap", "new"),
      apply,
    ],
    "applies with --dry-run=server": [
      "PATCH",
      `${core(mine)}/configmaps/new?fieldManager=me&dryRun=All`,
      object("v1", "ConfigMap", "new"),
      apply,
    ],
    "creates a pod": ["POST", `${core(mine)}/pods`, object("v1", "Pod", "own", { spec: restrictedPodSpec })],
    "creates a Secret": ["POST", `${core(mine)}/secrets`, object("v1", "Secret", "own")],
    "runs a command in a pod": ["POST", `${core(mine)}/pods/probe/exec?command=id&stdout=true`],
    "attaches to a pod": ["POST", `${core(mine)}/pods/probe/attach?stdout=true`],
    "forwards a port": ["POST", `${core(mine)}/pods/probe/portforward?ports=80`],
    "goes through a pod's proxy": ["POST", `${core(mine)}/pods/probe/proxy/`],
    "goes through a Service's proxy": ["POST", `${core(mine)}/services/web/proxy/`],
    "goes through a node's proxy": ["POST", "/api/v1/nodes/node-0/proxy/"],
    "adds an ephemeral container": [
      "PATCH",
      `${core(mine)}/pods/probe/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ ...restrictedPodSpec.containers[0], name: "debug" }] } },
      merge,
    ],
    "evicts a pod": ["POST", `${core(mine)}/pods/probe/eviction`, object("policy/v1", "Eviction", "probe")],
    "asks for a deployer's token": [
      "POST",
      `${core(mine)}/serviceaccounts/deployer/token`,
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { audiences: [] } },
    ],
    "makes an event": [
      "POST",
      `${core(mine)}/events`,
      { ...object("v1", "Event", "own"), involvedObject: { namespace: mine } },
    ],
    "writes to the default namespace": ["POST", `${core("default")}/configmaps`, object("v1", "ConfigMap", "own")],
    "writes to kube-system": ["POST", `${core("kube-system")}/configmaps`, object("v1", "ConfigMap", "own")],
    "makes a Namespace": ["POST", "/api/v1/namespaces", object("v1", "Namespace", "own")],
    "labels a Namespace": ["PATCH", `/api/v1/namespaces/${mine}`, { metadata: { labels: { a: "b" } } }, merge],
    "gives himself a role": [
      "POST",
      roles("clusterrolebindings"),
      binding("own", grantName, { kind: "User", name: "me", apiGroup: rbac }),
    ],
    "makes a Role": ["POST", roles("roles", mine), { ...role("own", ["get"]), kind: "Role" }],
    "deletes a policy": ["DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/git-only-test"],
    "deletes a policy's binding": [
      "DELETE",
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/git-only-test",
    ],
    "makes a webhook": [
      "POST",
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
      object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "own"),
    ],
    "makes a CustomResourceDefinition": [
      "POST",
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      crd("owns.example.com", "example.com", "Own", "owns"),
    ],
    "makes an APIService": [
      "POST",
      "/apis/apiregistration.k8s.io/v1/apiservices",
      object("apiregistration.k8s.io/v1", "APIService", "v1.example.com", {
        spec: {
          group: "example.com",
          version: "v1",
          groupPriorityMinimum: 1,
          versionPriority: 1,
          insecureSkipTLSVerify: true,
          service: { name: "a", namespace: mine },
        },
      }),
    ],
    "makes a PersistentVolume": [
      "POST",
      "/api/v1/persistentvolumes",
      object("v1", "PersistentVolume", "own", {
        spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/" } },
      }),
    ],
    "makes a Lease": [
      "POST",
      `/apis/coordination.k8s.io/v1/namespaces/${mine}/leases`,
      object("coordination.k8s.io/v1", "Lease", "own"),
    ],
    "wakes the agent": [
      "PATCH",
      `/apis/source.toolkit.fluxcd.io/v1/namespaces/AGENT/gitrepositories/git-only`,
      { metadata: { annotations: { "reconcile.fluxcd.io/requestedAt": "now" } } },
      merge,
    ],
  };
  for (const [title, [method, path, ...rest]] of Object.entries(attempts)) {
    it(`a developer who ${title} is told where to change it`, async () => {
      const attempt: Attempt = [method, path.replace("AGENT", world().agentNamespace), ...rest];
      const where = path.includes(`/namespaces/${mine}/`) ? source : world().platformSource;
      await refused("developer", attempt, "plumbline:developer", where);
    });
  }

  for (const who of ["ci", "developer", "notifier", "deployer"])
    it(`${who} cannot pass for somebody else with --as`, async () => {
      for (const identity of ["plumbline:ci", "system:apiserver", `system:serviceaccount:${mine}:deployer`])
        await assert.rejects(
          kubectl(world().kubectl, kubeconfigs[who] as string, "get", "--raw", "/api/v1/namespaces", "--as", identity),
          /cannot impersonate/,
          `${who} as ${identity}`,
        );
    });

  it("ci writes what it is told to, and opens connections", async () => {
    await allowed("ci", ["POST", `${core(mine)}/configmaps`, object("v1", "ConfigMap", "by-ci")]);
    await allowed("ci", ["DELETE", `${core(mine)}/configmaps/by-ci`]);
    const exec = people.ci.send("POST", `${core(mine)}/pods/probe/exec?command=id&stdout=true`, undefined);
    await assert.rejects(exec, (error: Error) => !error.message.includes("ValidatingAdmissionPolicy"));
  });

  it("a deployer writes its own namespace, nothing else", async () => {
    const map = object("v1", "ConfigMap", "delivered");
    await allowed("deployer", ["PATCH", `${core(mine)}/configmaps/delivered?fieldManager=agent`, map, apply]);
    await allowed("deployer", ["PATCH", `${apps(mine)}/web?fieldManager=agent&force=true`, deployment("web"), apply]);
    await allowed("deployer", ["DELETE", `${core(mine)}/configmaps/delivered`]);
    await refused(
      "deployer",
      ["PATCH", `${core(other)}/configmaps/delivered?fieldManager=agent`, map, apply],
      world().platformSource,
    );
    await refused("deployer", ["DELETE", `/apis/apps/v1/namespaces/${other}/deployments`]);
    await refused("deployer", ["POST", roles("roles", mine), { ...role("own", ["get"]), kind: "Role" }], source);
    await refused("deployer", [
      "POST",
      roles("rolebindings", mine),
      {
        ...binding("own", grantName, { kind: "ServiceAccount", name: "deployer", namespace: mine }),
        kind: "RoleBinding",
      },
    ]);
    await refused("deployer", ["PATCH", `/api/v1/namespaces/${mine}`, { metadata: { labels: { a: "b" } } }, merge]);
    await refused("deployer", ["DELETE", `/api/v1/namespaces/${mine}`]);
    await refused("deployer", [
      "PATCH",
      `${core(mine)}/serviceaccounts/deployer`,
      { metadata: { labels: { a: "b" } } },
      merge,
    ]);
    await refused("deployer", ["POST", `${core(mine)}/pods/probe/exec?command=id&stdout=true`]);
    await refused("deployer", attempts["asks for a deployer's token"] as Attempt);
  });

  it("a deployer leaves alone what the platform put beside its app", async () => {
    const labels = { [platformLabel]: "true" };
    const path = `${core(mine)}/configmaps/login`;
    const login = {
      ...object("v1", "ConfigMap", "login"),
      metadata: { name: "login", labels },
      data: { address: "a" },
    };
    await refused("deployer", ["POST", `${core(mine)}/configmaps`, login]);
    await people.ci.send("POST", `${core(mine)}/configmaps`, login);
    for (const patch of [{ data: { address: "b" } }, { metadata: { labels: { [platformLabel]: null } } }])
      await refused("deployer", ["PATCH", path, patch, merge], source);
    await refused("deployer", ["DELETE", path], source);
    await people.ci.send("DELETE", path, undefined);
  });

  it("no pod runs as a deployer, whoever asks", async () => {
    for (const field of ["serviceAccountName", "serviceAccount"]) {
      const spec = { ...restrictedPodSpec, [field]: "deployer" };
      const pod = object("v1", "Pod", "thief", { spec });
      for (const who of ["ci", "deployer"] as const) {
        await refused(who, ["POST", `${core(mine)}/pods`, pod], "deployer-identity", source);
        await refused(who, ["POST", apps(mine), deployment("thief", spec)], "deployer-identity");
        const cronJob = object("batch/v1", "CronJob", "thief", {
          spec: {
            schedule: "@daily",
            jobTemplate: { spec: { template: { spec: { ...spec, restartPolicy: "Never" } } } },
          },
        });
        await refused(who, ["POST", `/apis/batch/v1/namespaces/${mine}/cronjobs`, cronJob], "deployer-identity");
      }
    }
    const token = { ...object("v1", "Secret", "token"), type: "kubernetes.io/service-account-token" };
    const named = {
      ...token,
      metadata: { name: "token", annotations: { "kubernetes.io/service-account.name": "deployer" } },
    };
    for (const who of ["ci", "deployer"] as const)
      await refused(who, ["POST", `${core(mine)}/secrets`, named], "deployer-identity");
  });

  it("nobody makes a role that lets somebody pass for somebody else, not even ci", async () => {
    const me = { kind: "User", name: "me", apiGroup: rbac };
    for (const verb of ["impersonate", "*", "impersonate:user-info", "impersonate-on:user-info:list"])
      await refused(
        "ci",
        ["POST", roles("clusterroles"), role("own", ["get", verb])],
        "rights.plumbline",
        world().platformSource,
      );
    await refused("ci", ["POST", roles("roles", mine), { ...role("own", ["*"]), kind: "Role" }], source);
    for (const wide of ["cluster-admin", "admin", "edit", "system:kubelet-api-admin"])
      await refused("ci", ["POST", roles("clusterrolebindings"), binding("own", wide, me)], wide);
    await refused(
      "ci",
      ["POST", roles("rolebindings", mine), { ...binding("own", "edit", me), kind: "RoleBinding" }],
      "edit",
    );
    await refused("ci", [
      "POST",
      roles("clusterrolebindings"),
      binding("own", "view", { kind: "Group", name: "system:masters", apiGroup: rbac }),
    ]);
    const gathering = { ...role("own", ["get"]), aggregationRule: { clusterRoleSelectors: [{ matchLabels: {} }] } };
    await refused("ci", ["POST", roles("clusterroles"), gathering], "gather");
  });

  it("the policies cannot be seen, changed or shadowed through the API", async () => {
    const path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    const names = (await people.ci.list(path)).map(({ metadata }) => metadata.name);
    assert.deepEqual(
      names.filter((name) => name.endsWith(".static.k8s.io")),
      [],
    );
    await assert.rejects(people.ci.send("DELETE", `${path}/git-only.plumbline.static.k8s.io`, undefined), {
      status: 404,
    });
    const shadow = { ...policy, metadata: { name: "git-only.plumbline.static.k8s.io" } };
    await assert.rejects(people.ci.send("POST", path, shadow), { status: 422 });
  });

  it("the notifier changes its annotation, and nothing beside it", async () => {
    const path = `/apis/source.toolkit.fluxcd.io/v1/namespaces/${world().agentNamespace}/gitrepositories/git-only`;
    const key = "reconcile.fluxcd.io/requestedAt";
    const change = (patch: object): Attempt => ["PATCH", path, patch, merge];
    await allowed("notifier", change({ metadata: { annotations: { [key]: "1" } } }));
    await allowed("notifier", change({ metadata: { annotations: { [key]: "2" } } }));
    for (const more of [
      { spec: { url: "http://elsewhere.example" } },
      { metadata: { annotations: { [key]: "3", other: "x" } } },
      { metadata: { annotations: { [key]: "3", kept: null } } },
      { metadata: { annotations: { [key]: "3", kept: "changed" } } },
      { metadata: { labels: { a: "b" } } },
      { metadata: { finalizers: ["example.com/a"] } },
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "1" }] } },
      { status: { conditions: [] } },
    ])
      await refused("notifier", change({ metadata: { annotations: { [key]: "3" } }, ...more }));
    await refused("notifier", ["DELETE", path]);
    await refused("notifier", ["POST", `${core(mine)}/configmaps`, object("v1", "ConfigMap", "own")]);
  });

  it("a pod that breaks a rule is refused from ci, too, with the field and the way out", async () => {
    const spec = { ...restrictedPodSpec, hostNetwork: true };
    const field = "host-namespaces: spec.template.spec.hostNetwork";
    await refused("ci", ["POST", apps(mine), deployment("wide", spec)], field, "Remove the field");
    const unpinned = { ...restrictedPodSpec, containers: [{ ...restrictedPodSpec.containers[0], image: "nginx" }] };
    await refused(
      "ci",
      ["POST", apps(mine), deployment("wide", unpinned)],
      "pinned-images: spec.template.spec.containers[app].image",
    );
  });

  it("everybody may ask what he may do", async () => {
    const question = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb: "impersonate", resource: "users" } },
    };
    for (const api of Object.values(people)) {
      const { status } = await api.send<{ status: { allowed: boolean } }>(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        question,
      );
      assert.equal(status.allowed, false);
    }
  });
};

const policy = object("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "git-only-test", {
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: ["example.com"], apiVersions: ["*"], operations: ["CREATE"], resources: ["*"] }],
    },
    validations: [{ expression: "true" }],
  },
});

/** A CustomResourceDefinition that takes any content. */
export const crd = (name: string, group: string, kind: string, plural: string) =>
  object("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, {
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  });

const gitRepository = (namespace: string) =>
  `/apis/source.toolkit.fluxcd.io/v1/namespaces/${namespace}/gitrepositories`;

const prepare = async (ci: Api, { agentNamespace }: World): Promise<void> => {
  const make = (path: string, body: object) => ci.send("POST", path, body).catch(unless(409));
  for (const [name, annotations] of [
    [mine, { [sourceAnnotation]: source }],
    [other, {}],
  ] as const) {
    await make("/api/v1/namespaces", { ...object("v1", "Namespace", name), metadata: { name, annotations } });
    for (const account of ["default", "deployer"])
      await make(`${core(name)}/serviceaccounts`, object("v1", "ServiceAccount", account));
  }
  await make(
    roles("clusterroles"),
    object(`${rbac}/v1`, "ClusterRole", grantName, { rules: [{ apiGroups: ["*"], resources: ["*"], verbs }] }),
  );
  const subjects = [
    { kind: "Group", name: "plumbline:developers", apiGroup: rbac },
    { kind: "User", name: "plumbline:git-notifier", apiGroup: rbac },
    { kind: "ServiceAccount", name: "deployer", namespace: mine },
  ];
  await make(roles("clusterrolebindings"), { ...binding(grantName, grantName, {}), subjects });
  await make(apps(mine), deployment("web"));
  await make(apps(other), deployment("web"));
  await make(`${core(mine)}/pods`, object("v1", "Pod", "probe", { spec: restrictedPodSpec }));
  await make(
    `${core(mine)}/services`,
    object("v1", "Service", "web", { spec: { ports: [{ port: 80 }], selector: { app: "web" } } }),
  );
  await make("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", policy);
  await make(
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    object("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "git-only-test", {
      spec: { policyName: "git-only-test", validationActions: ["Warn"] },
    }),
  );
  await make(gitRepository(agentNamespace), {
    ...object("source.toolkit.fluxcd.io/v1", "GitRepository", "git-only", {
      spec: { url: "http://git.example/a", interval: "1h", suspend: true },
    }),
    metadata: { name: "git-only", annotations: { kept: "as it is" } },
  });
};

const cleanUp = async (ci: Api, { agentNamespace }: World): Promise<void> => {
  const remove = (path: string) => ci.send("DELETE", path, undefined).catch(unless(404));
  await remove(`${gitRepository(agentNamespace)}/git-only`);
  for (const kind of ["validatingadmissionpolicybindings", "validatingadmissionpolicies"])
    await remove(`/apis/admissionregistration.k8s.io/v1/${kind}/git-only-test`);
  await remove(`${roles("clusterrolebindings")}/${grantName}`);
  await remove(`${roles("clusterroles")}/${grantName}`);
  for (const name of [mine, other]) await remove(`/api/v1/namespaces/${name}`);
};

const unless = (status: number) => (error: unknown) => {
  if (!(error instanceof ApiError) || error.status !== status) throw error;
};

/** A kubeconfig with a real token of the deployer, which ci may ask for. */
const asDeployer = async (ci: Api, kubeconfig: string): Promise<string> => {
  const { status } = await ci.send<{ status: { token: string } }>(
    "POST",
    `${core(mine)}/serviceaccounts/deployer/token`,
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600 },
    },
  );
  const config = load(readFileSync(kubeconfig, "utf8")) as { users: { name: string }[] };
  return dump({ ...config, users: config.users.map(({ name }) => ({ name, user: { token: status.token } })) });
};

const kubectl = (program: string, kubeconfig: string, ...args: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, ["--kubeconfig", kubeconfig, ...args], (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout),
    );
  });
