// Is Git the only way into the real local cluster, and do its own controllers still do all their work under the policies?
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { namespaces } from "../../components/admission/identities.ts";
import { type Cluster, stopCluster } from "../../local/cluster.ts";
import { images } from "../../local/images.ts";
import { kubeconfig } from "../../local/kubeconfig.ts";
import { type Api, connect, type KubernetesObject } from "../../local/kubernetes-api.ts";
import { admissionManifests } from "../../policies/admission.ts";
import { eventually, freshState, kubectl, needsRoot, start, testPrograms } from "./cluster-fixtures.ts";
import { crd, gitOnlyCases, type World } from "./git-only-cases.ts";

const repository = "http://10.88.0.1:3000/platform.git";
const apply = "application/apply-patch+yaml";

describe("the local cluster under the static policies", { skip: needsRoot, timeout: 600_000 }, () => {
  const state = freshState();
  let cluster: Cluster;
  let ci: Api;
  let world: World;

  before(async () => {
    cluster = await start(state, { staticManifests: admissionManifests({ repository }) });
    const of = (name: string) => join(state, "kubeconfig", `${name}.yaml`);
    ci = await connect(of("ci"));
    const notifier = join(state, "notifier.yaml");
    writeFileSync(notifier, await kubeconfig(join(state, "cluster", "pki"), "git-notifier", cluster.api), {
      mode: 0o600,
    });
    await ci.send("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: namespaces.agent },
    });
    const group = "source.toolkit.fluxcd.io";
    const sources = crd(`gitrepositories.${group}`, group, "GitRepository", "gitrepositories");
    await ci.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", sources);
    await eventually("the kind GitRepository", 30, async () => ci.get(`/apis/${group}/v1/gitrepositories`));
    world = {
      ci: of("ci"),
      developer: of("developer"),
      notifier,
      kubectl: join(await testPrograms(), "kubectl"),
      agentNamespace: namespaces.agent,
      platformSource: `${repository} stacks/`,
    };
  });
  after(async () => {
    ci?.close();
    await stopCluster({ state, keep: false });
    await rm(state, { recursive: true, force: true });
  });

  it("runs every kind of workload through its whole life", async () => {
    await ci.send("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    for (const [path, object] of workloads) await ci.send("PATCH", `${path}?fieldManager=test`, object, apply);
    const settled = (path: string, holds: (object: KubernetesObject) => boolean) =>
      eventually(path, 60, async () => (holds(await ci.get(path)) ? true : undefined));
    const [deployment, statefulSet, daemonSet, job, cronJob] = workloads.map(([path]) => path) as [
      string,
      string,
      string,
      string,
      string,
    ];
    await settled(deployment, ({ status }) => status?.readyReplicas === 2);
    await settled(statefulSet, ({ status }) => status?.readyReplicas === 1);
    await settled(daemonSet, ({ status }) => status?.numberReady === 1);
    await settled(job, ({ status }) => status?.succeeded === 1);
    const slices = await ci.list("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices");
    assert.equal(slices[0]?.endpoints?.length, 2);
    await ci.send("PATCH", `${deployment}/scale`, { spec: { replicas: 1 } }, "application/merge-patch+json");
    await settled(deployment, ({ status }) => status?.replicas === 1 && status?.observedGeneration > 1);
    await ci.send("DELETE", deployment, undefined);
    await ci.send("DELETE", cronJob, undefined);
    await eventually("the pods of the Deployment are collected", 60, async () => {
      const pods = await ci.list("/api/v1/namespaces/shop/pods?labelSelector=app=web");
      return pods.length === 0 ? true : undefined;
    });
  });

  it("lets the developer read, and ci open connections", async () => {
    const pod = (await ci.list("/api/v1/namespaces/shop/pods?labelSelector=app=state"))[0]?.metadata.name ?? "";
    await ci.send("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", readers);
    assert.match(await kubectl(state, "developer", "logs", "-n", "shop", pod), /started/);
    assert.match(await kubectl(state, "ci", "exec", "-n", "shop", pod, "--", "id"), /uid=65532/);
    await assert.rejects(kubectl(state, "developer", "exec", "-n", "shop", pod, "--", "id"), /forbidden|denied/i);
  });

  describe("lets nobody past Git", () => gitOnlyCases(() => world));

  it("empties and removes a namespace", async () => {
    await ci.send("DELETE", "/api/v1/namespaces/shop", undefined);
    await eventually("the namespace is gone", 90, async () => {
      const names = (await ci.list("/api/v1/namespaces")).map(({ metadata }) => metadata.name);
      return names.includes("shop") ? undefined : true;
    });
  });

  it("never refused a controller or a node what it had to write", () => {
    const lines = readFileSync(join(state, "log", "audit.log"), "utf8")
      .trimEnd()
      .split("\n");
    assert.ok(lines.length > 100, `${lines.length} records`);
    const refusals = lines
      .map((line) => JSON.parse(line) as AuditRecord)
      .filter(({ responseStatus: status }) => status?.code === 422 && /static\.k8s\.io/.test(status.message ?? ""));
    assert.ok(
      refusals.some(({ user }) => user.username === "plumbline:developer"),
      "the log shows refusals",
    );
    const refused = refusals
      .filter(({ user: { username } }) => username.startsWith("system:") && !username.endsWith(":deployer"))
      .map(({ user, verb, requestURI }) => `${user.username}: ${verb} ${requestURI}`);
    assert.deepEqual([...new Set(refused)], []);
  });
});

const rbac = "rbac.authorization.k8s.io";
const readers = {
  apiVersion: `${rbac}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name: "readers" },
  roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "view" },
  subjects: [{ apiGroup: rbac, kind: "Group", name: "plumbline:developers" }],
};

interface AuditRecord {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly responseStatus?: { readonly code: number; readonly message?: string };
}

const pod = (command: string) => ({
  terminationGracePeriodSeconds: 1,
  securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name: "app",
      image: images.find(({ program }) => program === "busybox")?.name,
      command: ["sh", "-c", command],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    },
  ],
});
const template = (app: string, spec: object) => ({ metadata: { labels: { app } }, spec });
const selecting = (app: string, command: string) => ({
  selector: { matchLabels: { app } },
  template: template(app, pod(command)),
});
const forever = "echo started; exec sleep 3600";
const object = (apiVersion: string, kind: string, plural: string, name: string, spec: object): [string, object] => [
  `/${apiVersion === "v1" ? "api" : "apis"}/${apiVersion}/namespaces/shop/${plural}/${name}`,
  { apiVersion, kind, metadata: { name }, spec },
];
const once = { template: template("once", { ...pod("echo done"), restartPolicy: "Never" }) };

const workloads: readonly [string, object][] = [
  object("apps/v1", "Deployment", "deployments", "web", { replicas: 2, ...selecting("web", forever) }),
  object("apps/v1", "StatefulSet", "statefulsets", "state", { serviceName: "state", ...selecting("state", forever) }),
  object("apps/v1", "DaemonSet", "daemonsets", "each", selecting("each", forever)),
  object("batch/v1", "Job", "jobs", "once", { ...once, ttlSecondsAfterFinished: 5 }),
  object("batch/v1", "CronJob", "cronjobs", "often", { schedule: "* * * * *", jobTemplate: { spec: once } }),
  object("v1", "Service", "services", "web", { selector: { app: "web" }, ports: [{ port: 80 }] }),
  object("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "web", {
    minAvailable: 1,
    selector: { matchLabels: { app: "web" } },
  }),
  object("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "web", {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    maxReplicas: 2,
  }),
  object("v1", "ResourceQuota", "resourcequotas", "all", { hard: { pods: "50" } }),
];
