// The cluster is what a person expects of one: names resolve, a claim gets a volume, logs, exec, port-forward and top work.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { resolve } from "../../engine/resolve.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";

let clone: Clone;
let status: Status;
let program: string;
const namespace = "expected";
// `ci` alone may write and connect: whoever is a developer changes things through Git.
const kubectl = (args: readonly string[], input?: string) =>
  execa(program, ["--kubeconfig", status.kubeconfig.ci, ...args], { ...(input === undefined ? {} : { input }) });

const pod = `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: ${namespace} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: probe, namespace: ${namespace} }
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  securityContext: { runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: probe
      image: plumbline.local/library/busybox:1.35
      command: [sh, -c, "echo started; echo kept > /data/file; sleep 3600"]
      resources: { limits: { memory: 32Mi } }
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
`;

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  program = (await resolve(["kubectl"])).get("kubectl")?.path ?? assert.fail("no kubectl");
  await kubectl(["apply", "--filename", "-"], pod);
  await kubectl(["wait", "--namespace", namespace, "--for=condition=Ready", "pod/probe", "--timeout=120s"]);
});
after(() => kubectl(["delete", "namespace", namespace, "--wait=true", "--timeout=90s"]));

test("a claim of the default StorageClass becomes a volume that a pod writes to", async () => {
  const { stdout } = await kubectl([
    "get",
    "storageclass",
    "--output",
    "jsonpath={.items[*].metadata.annotations.storageclass\\.kubernetes\\.io/is-default-class}",
  ]);
  assert.equal(stdout, "true");
  const { stdout: text } = await kubectl(["exec", "--namespace", namespace, "probe", "--", "cat", "/data/file"]);
  assert.equal(text, "kept");
});

test("a pod finds a Service by its name and reaches it", async () => {
  const { stdout } = await kubectl([
    "exec",
    "--namespace",
    namespace,
    "probe",
    "--",
    "wget",
    "-qO-",
    "http://hello.hello.svc.cluster.local/healthz",
  ]);
  assert.equal(stdout, "ok");
});

test("logs, also through plumbline as developer", async () => {
  const { stdout } = await clone.plumbline(["kubectl", "logs", "--namespace", namespace, "probe"]);
  assert.equal(stdout, "started");
  const { exitCode, stdout: etcd } = await clone.plumbline(["logs", "kube-apiserver", "--lines", "3"]);
  assert.equal(exitCode, 0);
  assert.ok(etcd.length > 0);
});

test("top, from metrics-server", async () => {
  const { stdout } = await eventually(
    "figures",
    () => kubectl(["top", "pods", "--namespace", "kube-system"]),
    (found) => /coredns/.test(found.stdout),
    60,
  );
  assert.match(stdout, /coredns\S+\s+\d+m\s+\d+Mi/);
});

test("port-forward", async () => {
  const args = ["--kubeconfig", status.kubeconfig.ci, "port-forward", "--namespace", "hello", "service/hello"];
  const forward = spawn(program, [...args, "--address", "127.0.0.1", ":80"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(forward.stdout, "data", { signal: AbortSignal.timeout(20_000) })) as [Buffer];
    const port = line.toString().match(/127\.0\.0\.1:(\d+)/)?.[1] ?? assert.fail(line.toString());
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), "ok\n");
  } finally {
    forward.kill("SIGKILL");
  }
});
