// What the tests of the cluster share: programs, a cluster of the test's own, and an app to look at.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { cacheFolder } from "../../engine/folders.ts";
import { programFolder } from "../../engine/program-folder.ts";
import type { Program } from "../../engine/programs.ts";
import { resolve } from "../../engine/resolve.ts";
import { type ClusterOptions, startCluster } from "../../local/cluster.ts";
import { images } from "../../local/images.ts";
import { connect } from "../../local/kubernetes-api.ts";

const run = promisify(execFile);

/** Namespaces, mounts and cgroups of a real machine are what is tested: nothing here runs without them. */
export const needsRoot: false | string =
  process.platform === "linux" && process.getuid?.() === 0 ? false : "needs Linux and root";

const needed: readonly Program[] = [
  ...(["supervisor", "pause", "coredns", "busybox", "etcd", "containerd", "containerd-shim-runc-v2", "ctr"] as const),
  ...([
    "ptp",
    "host-local",
    "portmap",
    "loopback",
    "runc",
    "nft",
    "kube-apiserver",
    "kube-controller-manager",
  ] as const),
  ...(["kube-scheduler", "kube-proxy", "kubelet", "kubectl"] as const),
];

/** The folder of programs; `PLUMBLINE_TEST_PROGRAMS` names one that is there, which spares building them. */
export const testPrograms = (): Promise<string> => {
  folder ??= process.env.PLUMBLINE_TEST_PROGRAMS
    ? Promise.resolve(process.env.PLUMBLINE_TEST_PROGRAMS)
    : resolve(needed).then((resolved) => programFolder(resolved.values()));
  return folder;
};
let folder: Promise<string> | undefined;

/** A state folder of the test's own, which never is a person's. */
export const freshState = (): string => mkdtempSync(join(tmpdir(), `plumbline-cluster-${process.pid}-`));

/** Starts a cluster with just the images that these tests use. */
export const start = async (state: string, more: Partial<ClusterOptions> = {}) =>
  startCluster({
    state,
    nodes: 1,
    programs: await testPrograms(),
    imageCache: join(cacheFolder(), "images"),
    images: images.filter(({ program }) => ["pause", "coredns", "busybox"].includes(program)),
    forwards: [{ name: "web", listen: "127.0.0.1:0", target: "web.default.svc.cluster.local:80" }],
    say: () => {},
    signal: AbortSignal.timeout(600_000),
    ...more,
  });

/** kubectl as an identity of this cluster, with what it printed. */
export const kubectl = async (state: string, identity: "ci" | "developer", ...args: string[]): Promise<string> => {
  const kubeconfig = join(state, "kubeconfig", `${identity}.yaml`);
  const { stdout } = await run(join(await testPrograms(), "kubectl"), ["--kubeconfig", kubeconfig, ...args]);
  return stdout;
};

/** Repeats until a value comes back; the last failure is the message of the timeout. */
export const eventually = async <T>(
  what: string,
  seconds: number,
  attempt: () => Promise<T | undefined>,
): Promise<T> => {
  let last = "nothing";
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
      last = "not yet";
    } catch (error) {
      last = (error as Error).message;
    }
  }
  throw new Error(`${what}: not within ${seconds} s; last: ${last}`);
};

/** What one GET answers, on a new connection. */
export const ask = async (address: string): Promise<string> => {
  const answer = await fetch(`http://${address}/`, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(3000),
  });
  return (await answer.text()).trim();
};

/** Everything of the host that a cluster might change, but for what is its own and named after it. */
export const hostState = async (): Promise<string> => {
  const links = readdirSync("/sys/class/net").sort();
  const settings = ["vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"];
  const values = settings.map((name) => `${name}=${readFileSync(`/proc/sys/${name}`, "utf8").trim()}`);
  const routes = readFileSync("/proc/net/route", "utf8");
  const rules = (await run(join(await testPrograms(), "nft"), ["list", "ruleset"])).stdout;
  return [readFileSync("/proc/self/mounts", "utf8"), routes, rules, ...links, ...values].join("\n");
};

/** Processes, as `pid command`, in the cgroup that holds all of one machine; dead ones that nobody has asked for don't count. */
export const processesOf = (cgroup: string): string[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const inside = new RegExp(`:${cgroup}(/|$)`, "m").test(readFileSync(`/proc/${pid}/cgroup`, "utf8"));
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return inside && command ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });

/** What is left of a machine: its processes and its cgroups. */
export const tracesOf = (cgroup: string): string[] => [
  ...processesOf(cgroup),
  // Not by going through all there are: those of other platforms come and go meanwhile.
  ...["", ...readdirSync("/sys/fs/cgroup")]
    .map((hierarchy) => join("/sys/fs/cgroup", hierarchy, cgroup))
    .filter((path) => existsSync(path)),
];

/** DNS, and two pods on as many nodes as there are behind the Service `web`: each answers with its name. */
export const applyWeb = async (state: string, replicas = 2): Promise<void> => {
  const api = await connect(join(state, "kubeconfig", "ci.yaml"));
  try {
    for (const [path, object] of objects(replicas)) {
      await api.send("PATCH", `${path}?fieldManager=test&force=true`, object, "application/apply-patch+yaml");
    }
  } finally {
    api.close();
  }
};

const corefile = `.:53 {
  errors
  ready
  kubernetes cluster.local
  cache 5
}
`;

const container = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

const deployment = (
  namespace: string,
  name: string,
  replicas: number,
  pod: Record<string, unknown>,
): [string, object] => [
  `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: pod },
    },
  },
];

const objects = (replicas: number): [string, object][] => [
  [
    "/api/v1/namespaces/kube-system/serviceaccounts/dns",
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "dns" } },
  ],
  [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/dns",
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "dns" },
      rules: [
        { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
  ],
  [
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/dns",
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "dns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "dns" },
      subjects: [{ kind: "ServiceAccount", name: "dns", namespace: "kube-system" }],
    },
  ],
  [
    "/api/v1/namespaces/kube-system/configmaps/dns",
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "dns" }, data: { Corefile: corefile } },
  ],
  [
    "/api/v1/namespaces/kube-system/services/dns",
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "dns" },
      spec: {
        clusterIP: "10.96.0.10",
        selector: { app: "dns" },
        ports: ["UDP", "TCP"].map((protocol) => ({ name: protocol.toLowerCase(), port: 53, protocol })),
      },
    },
  ],
  deployment("kube-system", "dns", 1, {
    serviceAccountName: "dns",
    dnsPolicy: "Default",
    containers: [
      {
        name: "dns",
        image: images.find(({ program }) => program === "coredns")?.name,
        args: ["-conf", "/etc/coredns/Corefile"],
        readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
        securityContext: { ...container, capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } },
        volumeMounts: [{ name: "configuration", mountPath: "/etc/coredns" }],
      },
    ],
    volumes: [{ name: "configuration", configMap: { name: "dns" } }],
  }),
  [
    "/api/v1/namespaces/default/services/web",
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ],
  deployment("default", "web", replicas, {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: { matchLabels: { app: "web" } },
      },
    ],
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, runAsUser: 65532 },
    containers: [
      {
        name: "web",
        image: images.find(({ program }) => program === "busybox")?.name,
        command: ["sh", "-c", "hostname > /tmp/index.html && exec httpd -f -vv -p 8080 -h /tmp"],
        readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
        securityContext: container,
        volumeMounts: [{ name: "pages", mountPath: "/tmp" }],
      },
    ],
    volumes: [{ name: "pages", emptyDir: {} }],
  }),
];
