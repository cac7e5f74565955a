import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { dump, load } from "js-yaml";
import { requireCluster } from "../../../components/cluster/existing-checks.ts";
import {
  CoreDns,
  EmbeddedCluster,
  ExistingCluster,
  embedded,
  existing,
  LocalPath,
  localKubeconfig,
  MetricsServer,
} from "../../../components/index.ts";
import { named, ofKind, record } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-cluster-"));
after(() => rmSync(folder, { recursive: true }));
const kubeconfig = (name: string, server: string, current = "there"): string => {
  const path = join(folder, name);
  writeFileSync(
    path,
    JSON.stringify({
      "current-context": current,
      contexts: [{ name: "there", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server } }],
    }),
  );
  return path;
};
const unreachable = kubeconfig("unreachable", "https://127.0.0.1:1");

const declared = await record(() => new EmbeddedCluster("c", { kubeconfig: "/k" }));
const pod = (name: string, resources = declared) => named(resources, "Deployment", name).spec.template.spec;

test("the provider writes server-side and knows the cluster by name, whatever its port", () => {
  const [provider] = ofKind(declared, "kubernetes");
  assert.deepEqual(
    { ...provider?.inputs },
    {
      kubeconfig: "/k",
      clusterIdentifier: "c",
      enableServerSideApply: "true",
      enableConfigMapMutable: "true",
      enableSecretMutable: "true",
    },
  );
});

test("every image is of the local mirror", () => {
  for (const { inputs } of ofKind(declared, "Deployment")) {
    for (const { image } of inputs.spec.template.spec.containers)
      assert.match(image, /^plumbline\.local\/[^/]+\/[^/]+:v/);
  }
  const config = named(declared, "ConfigMap", "local-path-config").data;
  assert.equal(JSON.parse(config["helperPod.yaml"]).spec.containers[0].image, "plumbline.local/library/busybox:1.35");
});

test("DNS answers at the address that the kubelets tell, on a port that needs no right", () => {
  const { spec } = named(declared, "Service", "kube-dns");
  assert.equal(spec.clusterIP, "10.96.0.10");
  assert.deepEqual(
    spec.ports.slice(0, 2).map(({ port, protocol }: { port: number; protocol: string }) => [port, protocol]),
    [
      [53, "UDP"],
      [53, "TCP"],
    ],
  );
  assert.match(named(declared, "ConfigMap", "coredns").data.Corefile, /^\.:1053 \{[\s\S]*kubernetes cluster\.local /);
  assert.doesNotMatch(named(declared, "ConfigMap", "coredns").data.Corefile, /forward/);
  assert.equal(pod("coredns").containers[0].ports[0].containerPort, 1053);
});

test("one StorageClass is the default, and binds where the pod is", () => {
  const { metadata, ...rest } = named(declared, "StorageClass", "local-path");
  assert.equal(metadata.annotations["storageclass.kubernetes.io/is-default-class"], "true");
  assert.equal(metadata.annotations.defaultVolumeType, "local");
  assert.deepEqual(
    [rest.provisioner, rest.volumeBindingMode, rest.reclaimPolicy],
    ["rancher.io/local-path", "WaitForFirstConsumer", "Delete"],
  );
  const { nodePathMap } = JSON.parse(named(declared, "ConfigMap", "local-path-config").data["config.json"]);
  assert.deepEqual(nodePathMap, [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/var/lib/plumbline/volumes"] }]);
});

test("metrics-server trusts the kubelets by the authority of the cluster", () => {
  const { args } = pod("metrics-server").containers[0];
  assert.ok(args.includes("--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"));
  assert.ok(!args.some((flag: string) => flag.includes("insecure")));
  assert.deepEqual(named(declared, "APIService", "v1beta1.metrics.k8s.io").spec.service, {
    name: "metrics-server",
    namespace: "kube-system",
    port: 443,
  });
});

test("the arguments of the add-ons arrive, and without a mirror the vendors' images are used", async () => {
  const alone = await record(() => {
    new CoreDns("dns", { address: "10.0.0.10", domain: "example.internal" });
    new LocalPath("storage", { folder: "/volumes" });
    new MetricsServer("metrics", {});
  });
  assert.equal(named(alone, "Service", "kube-dns").spec.clusterIP, "10.0.0.10");
  assert.match(named(alone, "ConfigMap", "coredns").data.Corefile, /kubernetes example\.internal /);
  assert.match(named(alone, "ConfigMap", "local-path-config").data["config.json"], /"\/volumes"/);
  assert.match(pod("coredns", alone).containers[0].image, /^registry\.k8s\.io\/coredns\/coredns:v/);
  assert.match(pod("metrics-server", alone).containers[0].image, /^registry\.k8s\.io\/metrics-server\//);
  assert.match(pod("local-path-provisioner", alone).containers[0].image, /^docker\.io\/rancher\//);
});

test("the kubeconfig of the local platform is found from a folder of the clone, the environment goes first", () => {
  const clone = join(folder, "clone");
  mkdirSync(join(clone, ".plumbline"), { recursive: true });
  mkdirSync(join(clone, "stacks"));
  const saved = { ...process.env };
  delete process.env.PLUMBLINE_STATE;
  delete process.env.PLUMBLINE_KUBECONFIG;
  try {
    assert.equal(localKubeconfig(join(clone, "stacks")), join(clone, ".plumbline/kubeconfig/ci.yaml"));
    process.env.PLUMBLINE_STATE = "/state";
    assert.equal(localKubeconfig(clone), "/state/kubeconfig/ci.yaml");
    process.env.PLUMBLINE_KUBECONFIG = "/k.yaml";
    assert.equal(localKubeconfig(clone), "/k.yaml");
    assert.throws(() => embedded().build("c", {}, {}), /\/k\.yaml does not exist\. Run `npm start`/);
  } finally {
    process.env = saved;
  }
});

test("an existing cluster gets every argument", async () => {
  const seen: ExistingCluster[] = [];
  const all = await record(() => {
    const args = { kubeconfig: unreachable, context: "there", mirror: "r.example/m", audiences: ["aud"] };
    seen.push(new ExistingCluster("e", args), new ExistingCluster("d", { kubeconfig: unreachable }));
  });
  const [first, second] = ofKind(all, "kubernetes").map(({ inputs }) => inputs);
  assert.deepEqual(
    { ...first },
    {
      kubeconfig: unreachable,
      context: "there",
      clusterIdentifier: "e",
      enableServerSideApply: "true",
      enableConfigMapMutable: "true",
      enableSecretMutable: "true",
    },
  );
  assert.deepEqual(
    { ...second },
    {
      kubeconfig: unreachable,
      clusterIdentifier: "d",
      enableServerSideApply: "true",
      enableConfigMapMutable: "true",
      enableSecretMutable: "true",
    },
  );
  assert.deepEqual(
    seen.map(({ mirror, audiences }) => [mirror, audiences]),
    [
      ["r.example/m", ["aud"]],
      [undefined, ["https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"]],
    ],
  );
});

test("wrong arguments of an existing cluster are named at once", () => {
  assert.throws(() => existing({ context: "", mirror: "https://r.example", contxt: "x" } as never), {
    message:
      /^existing: 3 problems\n.*existing\.context: .*\n.*existing\.mirror: .*\n.*existing\.contxt: .*no such field$/,
  });
});

test("a context that is not there is an error that lists those that are", async () => {
  await assert.rejects(
    requireCluster({ kubeconfig: unreachable, context: "here" }),
    /no context "here"; it has: there/,
  );
  await assert.rejects(requireCluster({ kubeconfig: join(folder, "none") }), /none cannot be read as a kubeconfig/);
});

/** Answers as an API server would, by path; what is not named is 404. */
const answering = async (answers: Readonly<Record<string, unknown>>, work: (url: string) => Promise<void>) => {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  } finally {
    server.close();
  }
};
const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const admission = "/apis/admissionregistration.k8s.io/v1";
const good = {
  "/version": { major: "1", minor: "30+" },
  [reviews]: { status: { allowed: true } },
  [admission]: { resources: [{ name: "validatingadmissionpolicies" }] },
};

test("a cluster older than 1.30 is refused, one that does not tell its version is not", async () => {
  await answering({ ...good, "/version": { major: "1", minor: "29" }, [admission]: {} }, async (url) =>
    assert.rejects(requireCluster({ kubeconfig: kubeconfig("old", url) }), {
      message: `${url} cannot hold the platform:\n  it runs Kubernetes 1.29; the platform needs 1.30 or later: upgrade it`,
    }),
  );
  await answering(good, async (url) => {
    assert.equal(await requireCluster({ kubeconfig: kubeconfig("new", url) }), true);
  });
  assert.equal(await requireCluster({ kubeconfig: unreachable }), true);
});

test("what a cluster lacks is told at once", async () => {
  const poor = { ...good, [reviews]: { status: { allowed: false } }, [admission]: { resources: [] } };
  await answering(poor, async (url) =>
    assert.rejects(requireCluster({ kubeconfig: kubeconfig("poor", url) }), ({ message }: Error) => {
      assert.match(message, /may not: create namespaces, create deployments\.apps, .*bind clusterroles\.rbac/);
      assert.match(message, /does not serve validatingadmissionpolicies/);
      return true;
    }),
  );
});

test("the class that keeps volumes must be there, and keep them", async () => {
  const classes = ["Retain", "Delete"].map((reclaimPolicy) => ({
    metadata: { name: `on-${reclaimPolicy}` },
    reclaimPolicy,
  }));
  await answering({ ...good, "/apis/storage.k8s.io/v1/storageclasses": { items: classes } }, async (url) => {
    const place = { kubeconfig: kubeconfig("classes", url) };
    assert.equal(await requireCluster({ ...place, retainingClass: "on-Retain" }), true);
    await assert.rejects(requireCluster({ ...place, retainingClass: "on-Delete" }), {
      message: `${url} cannot hold the platform:\n  it has no StorageClass "on-Delete" with the reclaim policy Retain, which \`retainingClass\` names; such are: on-Retain`,
    });
  });
});

test("a plug-in of a kubeconfig is asked for the credential, and its failure is told", async () => {
  const withPlugin = (args: string[]) => {
    const path = kubeconfig("plug-in", "http://127.0.0.1:9");
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: process.execPath, args: ["-e", ...args] };
    const config = load(readFileSync(path, "utf8")) as { users?: unknown; contexts: { context: object }[] };
    const [entry] = config.contexts;
    if (entry) entry.context = { ...entry.context, user: "u" };
    writeFileSync(path, dump({ ...config, users: [{ name: "u", user: { exec } }] }));
    return path;
  };
  await assert.rejects(
    requireCluster({ kubeconfig: withPlugin(["console.error('no session'); process.exit(1)"]) }),
    /gave no credential: no session/,
  );
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const { port } = server.address() as { port: number };
    const path = withPlugin([
      "console.log(JSON.stringify({status:{token:process.env.KUBERNETES_EXEC_INFO.length+'t'}}))",
    ]);
    writeFileSync(path, readFileSync(path, "utf8").replace("127.0.0.1:9", `127.0.0.1:${port}`));
    await requireCluster({ kubeconfig: path }).catch(() => undefined);
    assert.match(seen[0] ?? "", /^Bearer \d+t$/);
  } finally {
    server.close();
  }
});
