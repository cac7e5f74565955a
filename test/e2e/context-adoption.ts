// A cluster that its people have filled by kubectl for years comes under Git: seen first, taken over where it stands, then enforced.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { git as inFolder } from "../../local/example.ts";
import { notifyAgent } from "../../local/git-notifier.ts";
import { images } from "../../local/images.ts";
import { type Api, connect } from "../../local/kubernetes-api.ts";
import type { Clone } from "../clone.ts";
import { eventually, testPrograms } from "./cluster-fixtures.ts";

/** Where it is tried. */
export interface World {
  readonly state: string;
  readonly clone: Clone;
  /** URL of the repository, as the cluster reaches it. */
  readonly git: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly imageHost: string;
}

const run = promisify(execFile);
const image = images.find(({ program }) => program === "busybox")?.name ?? "";
const named = (name: string, namespace: string) => ({ name, namespace });

const deployment = (namespace: string, name: string, program: string, restricted: boolean, replicas = 1) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: named(name, namespace),
  spec: {
    replicas,
    selector: { matchLabels: { "app.kubernetes.io/name": program } },
    template: {
      metadata: { labels: { "app.kubernetes.io/name": program } },
      spec: {
        terminationGracePeriodSeconds: 1,
        ...(restricted && { securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } }),
        containers: [
          {
            name: "web",
            image,
            command: ["sh", "-c", "exec httpd -f -p 8080 -h /etc"],
            ...(restricted && {
              securityContext: {
                runAsUser: 65532,
                allowPrivilegeEscalation: false,
                capabilities: { drop: ["ALL"] },
              },
            }),
          },
        ],
      },
    },
  },
});

const service = (namespace: string, name: string, program: string, port: number) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: named(name, namespace),
  spec: { selector: { "app.kubernetes.io/name": program }, ports: [{ port, targetPort: 8080 }] },
});

const settings = (data: Record<string, string>, name = "settings") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: named(name, "shop"),
  data,
});

const ingress = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: named("web", "shop"),
  spec: {
    ingressClassName: "edge",
    rules: [
      {
        host: "shop.example.com",
        http: {
          paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web", port: { number: 80 } } } }],
        },
      },
    ],
  },
};

const controller = deployment("ingress-nginx", "edge", "edge", false, 0);
Object.assign(controller.spec.template.spec, {
  containers: [{ name: "controller", image: "registry.k8s.io/ingress-nginx/controller:v1.13.0" }],
});

const ofYears = [
  ...["shop", "pay", "monitoring", "ingress-nginx"].map((name) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name },
  })),
  deployment("shop", "web", "web", true),
  service("shop", "web", "web", 80),
  settings({ colour: "red" }),
  settings({ from: "2023" }, "forgotten"),
  ingress,
  deployment("pay", "web", "web", false),
  deployment("monitoring", "figures", "prometheus", false),
  service("monitoring", "figures", "prometheus", 9090),
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "edge" },
    spec: { controller: "k8s.io/ingress-nginx" },
  },
  controller,
];

const inGit = [
  deployment("shop", "web", "web", true),
  service("shop", "web", "web", 80),
  settings({ colour: "blue" }),
  ingress,
  { apiVersion: "v1", kind: "ServiceAccount", metadata: named("web", "shop"), automountServiceAccountToken: false },
];

const list = (items: readonly object[]) => JSON.stringify({ apiVersion: "v1", kind: "List", items });

const collections = ["shop", "pay", "monitoring"].flatMap((namespace) => [
  ...["pods", "services", "configmaps"].map((plural) => `/api/v1/namespaces/${namespace}/${plural}`),
  `/apis/apps/v1/namespaces/${namespace}/deployments`,
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`,
]);

/** Registers the tests, in the order of the adoption; to be called within `describe`, on a cluster without the platform. */
export const adoptionCases = (world: () => World): void => {
  let api: Api;
  let folder: string;
  let uids: Map<string, string>;

  /** kubectl of somebody who may do everything, and has always done it by hand. */
  const kubectl = async (...args: string[]) =>
    run(join(await testPrograms(), "kubectl"), [
      "--kubeconfig",
      join(world().state, "cluster", "bootstrap.yaml"),
      ...args,
    ]);
  const facts = async (of: "uid" | "resourceVersion", some = collections): Promise<Map<string, string>> => {
    const lists = await Promise.all(some.map(async (path) => ({ path, items: await api.list(path) })));
    return new Map(
      lists.flatMap(({ path, items }) =>
        items.map(({ metadata }) => [`${path}/${metadata.name}`, String(metadata[of])] as const),
      ),
    );
  };
  const adopt = async (...args: string[]) => {
    const { clone, environment, state } = world();
    return clone.plumbline(["adopt", "--context", "plumbline", ...args], {
      environment: { ...environment, PLUMBLINE_REPOSITORIES: join(state, "git") },
    });
  };
  const commit = async (objects: readonly object[], message: string) => {
    const checkout = join(folder, "checkout");
    if (message === "shop")
      await inFolder(folder, "clone", "--quiet", join(world().state, "git", "platform.git"), checkout);
    const place = join(checkout, "apps", "shop");
    await run("mkdir", ["-p", place]);
    await writeFile(join(place, "shop.yaml"), objects.map((each) => `---\n${JSON.stringify(each)}\n`).join(""));
    await inFolder(checkout, "add", "--all");
    await inFolder(checkout, "commit", "--quiet", "--message", message);
    await inFolder(checkout, "push", "--quiet", "origin", "HEAD:main");
  };
  const stackFile = (enforce: string) => {
    const { clone, git, imageHost } = world();
    return writeFile(
      join(clone.folder, "stacks", "years.ts"),
      `// A cluster of years.
import { app, definePlatform, existing, externalIngress, flux } from "../components/index.ts";

export default definePlatform(
  {
    name: "years",
    git: { url: ${JSON.stringify(git)}, branch: "main" },
    cluster: existing({ context: "plumbline", mirror: ${JSON.stringify(imageHost)} }),
    apps: [
      app({
        name: "shop",
        source: { path: "apps/shop" },
        kind: "yaml",
        interval: "5s",
        expose: { service: "web", port: 80, host: "new.example.com", tls: false },
      }),
    ],${enforce}
  },
  { agent: flux(), ingress: externalIngress({ ingressClass: "edge" }) },
);
`,
    );
  };
  const up = async () => {
    const { clone, environment } = world();
    const args = ["pulumi", "up", "--stack", "years", "--yes", "--skip-preview", "--suppress-outputs"];
    const { exitCode, all } = await clone.plumbline(args, { environment });
    assert.equal(exitCode, 0, all);
  };

  before(async () => {
    api = await connect(join(world().state, "kubeconfig", "ci.yaml"));
    folder = await mkdtemp(join(tmpdir(), "plumbline-adoption-"));
    await writeFile(join(folder, "years.json"), list(ofYears));
    await kubectl("apply", "--filename", join(folder, "years.json"));
    for (const [namespace, name] of Object.entries({ shop: "web", pay: "web", monitoring: "figures" }))
      await kubectl("--namespace", namespace, "rollout", "status", `deployment/${name}`, "--timeout=60s");
    // The kubelet says once more how a pod is after that is ready.
    let last = "";
    await eventually("the cluster is quiet", 30, async () => {
      const before = last;
      last = JSON.stringify([...(await facts("resourceVersion"))]);
      await sleep(1500);
      return last === before || undefined;
    });
    uids = await facts("uid");
  });
  after(async () => {
    api?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it("is looked at, and left as it is: who would be refused, what breaks rules, which layers run", async () => {
    const versions = await facts("resourceVersion");
    const { exitCode, stdout, all } = await adopt();
    assert.equal(exitCode, 0, all);
    assert.deepEqual(await facts("resourceVersion"), versions);
    assert.match(
      stdout,
      /metrics +Deployment monitoring\/figures +metrics: externalMetrics\(\{ queryUrl: "http:\/\/figures\.monitoring\.svc:9090" \}\)/,
    );
    assert.match(
      stdout,
      /ingress +Deployment ingress-nginx\/edge +ingress: externalIngress\(\{ ingressClass: "edge" \}\)/,
    );
    assert.match(
      stdout,
      /Namespace shop: 5 objects; anybody with rights may write\n {2}would be refused {2}kubectl-client-side-apply: 5 objects/,
    );
    assert.match(stdout, /breaks rules {2}Deployment figures: .*non-root/);
    assert.match(stdout, /app\(\{ name: "shop", source: \{ path: "apps\/shop" \} \}\)/);
    assert.doesNotMatch(stdout, /kube-system|path: "apps\/(monitoring|ingress-nginx)"/);
  });

  it("is compared with Git before anything is taken over: what stays, changes, comes, and is not in Git", async () => {
    await commit(inGit, "shop");
    await stackFile("");
    const versions = await facts("resourceVersion");
    const { exitCode, stdout, all } = await adopt("--stack", "years", "--json");
    assert.equal(exitCode, 2, all);
    assert.deepEqual(await facts("resourceVersion"), versions);
    const [shop] = JSON.parse(stdout).apps;
    assert.deepEqual(
      Object.fromEntries(
        shop.objects.map(({ object, change }: { object: string; change: string }) => [object, change]),
      ),
      {
        "ConfigMap settings": "taken over and changed",
        "Deployment web": "taken over as it is",
        "Ingress web": "taken over as it is",
        "Service web": "taken over as it is",
        "ServiceAccount web": "added",
      },
    );
    assert.deepEqual(shop.objects.find(({ object }: { object: string }) => object === "ConfigMap settings").fields, [
      { field: "data.colour", git: "blue", live: "red", writer: "kubectl-client-side-apply" },
    ]);
    assert.deepEqual(shop.left, ["ConfigMap forgotten"]);
  });

  it("is taken over where it stands: no object is made anew, and no pod restarts", async () => {
    const { clone, environment } = world();
    const { exitCode, all } = await clone.plumbline(["pulumi", "stack", "init", "years"], { environment });
    assert.equal(exitCode, 0, all);
    await up();
    await eventually("Git's value is there", 60, async () => {
      const { data } = await api.get("/api/v1/namespaces/shop/configmaps/settings");
      return data.colour === "blue" || undefined;
    });
    const now = await facts("uid");
    for (const [path, uid] of uids) assert.equal(now.get(path), uid, path);
    const pods = (some: ReadonlyMap<string, string>) => [...some.keys()].filter((path) => path.includes("/pods/"));
    assert.deepEqual(pods(now), pods(uids));
    const { spec } = await api.get("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/shop");
    assert.deepEqual([spec.ingressClassName, spec.rules[0].host], ["edge", "new.example.com"]);
  });

  it("is enforced namespace by namespace, by the line that adopt prints", async () => {
    const { stdout } = await adopt("--stack", "years");
    const [line = ""] = /enforce: \{.*\}/.exec(stdout) ?? [];
    assert.equal(
      line,
      'enforce: { namespaces: ["shop"], users: ["system:serviceaccount:ingress-nginx:default"], groups: ["plumbline:ci"] }',
    );
    await stackFile(`\n    ${line.replace("users", 'observe: ["pay"], users')},`);
    await up();
    const source = `${world().git}#main:apps/shop`;
    const edit = (namespace: string, colour: string) =>
      kubectl("--namespace", namespace, "annotate", "deployment/web", "--overwrite", `colour=${colour}`);
    const refusal = await eventually("an edit in shop is refused", 30, async () =>
      edit("shop", String(Date.now())).then(
        () => undefined,
        ({ stderr }: { stderr: string }) => stderr,
      ),
    );
    assert.match(refusal, /ValidatingAdmissionPolicy 'plumbline-git-only'/);
    assert.ok(
      refusal.includes(
        `may not update apps/deployments shop/web: this namespace takes changes from Git alone. Make the change in ${source}, commit and push it.`,
      ),
      refusal,
    );
    const warned = await edit("pay", "green");
    assert.match(warned.stderr, /Warning: .*plumbline-git-only.* may not update apps\/deployments pay\/web/s);
    await kubectl("--namespace", "monitoring", "annotate", "deployment/figures", "colour=green");
    await assert.rejects(kubectl("delete", "namespace", "shop"), /may not delete namespaces shop: /);
  });

  it("goes on under Git: a commit comes through, and the cluster's controllers make its pods", async () => {
    await commit([deployment("shop", "web", "web", true, 2), ...inGit.slice(1)], "two of them");
    const { state } = world();
    // What the webhook of its Git server does.
    const kubeconfig = join(state, "kubeconfig", "ci.yaml");
    await notifyAgent({ kubeconfig, root: join(state, "git"), repository: "platform.git" });
    await eventually("both pods are ready", 60, async () => {
      const { status } = await api.get("/apis/apps/v1/namespaces/shop/deployments/web");
      return status.readyReplicas === 2 || undefined;
    });
    const { exitCode, stdout } = await adopt("--stack", "years", "--namespace", "shop");
    assert.equal(exitCode, 2);
    assert.match(stdout, /Namespace shop: 6 objects; Git alone writes; app shop\n/);
    assert.match(stdout, /\? ConfigMap forgotten {2}is not in Git/);
    assert.match(stdout, /1\. app shop: put into its repository, or delete: ConfigMap forgotten$/);
    assert.doesNotMatch(stdout, /≠|✘|\+ /);
  });

  it("says which namespaces there are where one is wrong", async () => {
    const { exitCode, all } = await adopt("--namespace", "shoop");
    assert.equal(exitCode, 1);
    assert.match(all, /Nobody has declared anything in shoop/);
    assert.match(all, /way out: name one of: .*shop/);
  });
};
