// The platform's own registry: the node pulls the app's image from it with the app's Secret, and nobody does without one.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { registryHost as host, push, secretOf } from "./registry-client.ts";

const hello = `${host}/plumbline/hello`;
let clone: Clone;
let status: Status;
let kubectl: Kubectl;

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  await kubectl(["create", "namespace", "stranger"]);
});
after(async () => {
  await kubectl(["delete", "namespace", "stranger", "--wait=false"]);
});

test("the pods of the app run the image that the node pulled", async () => {
  const ids = await kubectl([
    ...["get", "pods", "--namespace", "hello", "--output"],
    "jsonpath={range .items[*].status.containerStatuses[*]}{.imageID}{'\\n'}{end}",
  ]);
  const pulled = ids.split("\n");
  assert.ok(pulled.length >= 2, ids);
  for (const id of pulled) assert.match(id, new RegExp(`^${hello}@sha256:[0-9a-f]{64}$`));
  const events = await kubectl([
    ...["get", "events", "--namespace", "hello", "--field-selector", "reason=Pulled"],
    ...["--output", "jsonpath={.items[*].message}"],
  ]);
  assert.match(events, new RegExp(`Successfully pulled image "${hello}:1"`));
});

/** A pod of the app's image in another namespace. */
const stranger = (name: string, secrets: readonly string[]) =>
  kubectl(
    ["apply", "--filename", "-"],
    JSON.stringify({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "stranger" },
      spec: {
        imagePullSecrets: secrets.map((each) => ({ name: each })),
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "hello",
            image: `${hello}:1`,
            imagePullPolicy: "IfNotPresent",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    }),
  );

test("without the Secret the same image is refused, though the node has it; with it, it runs", async () => {
  await stranger("without", []);
  const waiting = await eventually(
    "the pull is refused",
    () =>
      kubectl([
        ...["get", "pod", "without", "--namespace", "stranger", "--output"],
        "jsonpath={.status.containerStatuses[0].state.waiting.reason} {.status.containerStatuses[0].state.waiting.message}",
      ]),
    (text) => /401|unauthorized|no basic auth|credentials/i.test(text),
    30,
  );
  assert.match(waiting, /ErrImagePull|ImagePullBackOff/);
  const config = await secretOf(kubectl, "hello", "registry", ".dockerconfigjson");
  await kubectl(
    ["apply", "--filename", "-"],
    JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "registry", namespace: "stranger" },
      type: "kubernetes.io/dockerconfigjson",
      stringData: { ".dockerconfigjson": config },
    }),
  );
  await stranger("with", ["registry"]);
  await kubectl(["wait", "pod", "with", "--namespace", "stranger", "--for=condition=Ready", "--timeout=30s"]);
});

test("the app's Secret pulls and does not push", async () => {
  const { auths } = JSON.parse(await secretOf(kubectl, "hello", "registry", ".dockerconfigjson")) as {
    auths: Record<string, { username: string; password: string }>;
  };
  const account = auths[host] ?? assert.fail(`no account for ${host}`);
  await assert.rejects(push(clone, kubectl, "refused/hello:1", account), /with 401/);
});

test("no password stands in state, logs, Git or arguments", async () => {
  const passwords = await Promise.all(
    ["pull", "push", "uploads"].map((key) => secretOf(kubectl, "distribution", "registry-accounts", key)),
  );
  const encoded = passwords.flatMap((each) => [each, Buffer.from(each).toString("base64")]);
  const patterns = encoded.flatMap((each) => ["-e", each]);
  const folders = ["pulumi", "log", "git"].map((each) => join(clone.folder, ".plumbline", each));
  const { exitCode, stdout } = await execa(
    "grep",
    ["--recursive", "--files-with-matches", "--fixed-strings", ...patterns, ...folders],
    { reject: false },
  );
  assert.equal(exitCode, 1, stdout);
  const { stdout: processes } = await execa("ps", ["-eww", "-o", "args"]);
  const seen = processes
    .split("\n")
    .filter((line) => encoded.some((each) => line.includes(each)) && !line.startsWith("grep"));
  assert.deepEqual(seen, []);
});

test("garbage is collected while the registry runs", async () => {
  await kubectl(["create", "job", "now", "--namespace", "distribution", "--from=cronjob/registry-garbage-collection"]);
  await kubectl(["wait", "job", "now", "--namespace", "distribution", "--for=condition=Complete", "--timeout=60s"]);
  assert.match(await kubectl(["logs", "job/now", "--namespace", "distribution"]), /manifests eligible for deletion/);
  await kubectl(["delete", "job", "now", "--namespace", "distribution"]);
});

test("a changed password is a finding of drift", async () => {
  const before = await kubectl([
    "get",
    "secret",
    "registry-accounts",
    "--namespace",
    "distribution",
    "--output",
    "jsonpath={.data.pull}",
  ]);
  const put = (pull: string) =>
    kubectl([
      "patch",
      "secret",
      "registry-accounts",
      "--namespace",
      "distribution",
      "--patch",
      JSON.stringify({ data: { pull } }),
      "--field-manager",
      "plumbline",
    ]);
  await put(Buffer.from("guessed").toString("base64"));
  try {
    const { exitCode, all } = await clone.plumbline(["drift"]);
    assert.equal(exitCode, 2, String(all));
    assert.match(String(all), /Secret distribution\/registry-accounts.*data\.pull/);
    assert.doesNotMatch(String(all), /Z3Vlc3NlZA/);
  } finally {
    await put(before);
  }
});
