// The platform's own registry: the node pulls the app's image from it with the app's Secret, and nobody does without one.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { resolve } from "../../engine/resolve.ts";
import { makeImages } from "../../local/image-archives.ts";
import { type PushTarget, pushImage } from "../../local/image-push.ts";
import { images } from "../../local/images.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough } from "./exposed-app.ts";

const host = "registry.example.test";
const hello = `${host}/plumbline/hello`;
let clone: Clone;
let status: Status;
let kubectl: Kubectl;
let stack: string;
let original: string;

const secretOf = async (namespace: string, name: string, key: string): Promise<string> =>
  Buffer.from(
    await kubectl([
      ...["get", "secret", name, "--namespace", namespace],
      ...["--output", `jsonpath={.data.${key.replaceAll(".", "\\.")}}`],
    ]),
    "base64",
  ).toString();

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  stack = join(clone.folder, "stacks", "local-full.ts");
  original = await readFile(stack, "utf8");
  await kubectl(["create", "namespace", "stranger"]);
});
after(async () => {
  await writeFile(stack, original);
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
  const config = await secretOf("hello", "registry", ".dockerconfigjson");
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
  const { auths } = JSON.parse(await secretOf("hello", "registry", ".dockerconfigjson")) as {
    auths: Record<string, { username: string; password: string }>;
  };
  const account = auths[host] ?? assert.fail(`no account for ${host}`);
  await assert.rejects(push("refused/hello:1", account), /with 401/);
});

test("no password stands in state, logs, Git or arguments", async () => {
  const passwords = await Promise.all(
    ["pull", "push", "uploads"].map((key) => secretOf("distribution", "registry-accounts", key)),
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

test("what was pushed survives another version of the arguments, and the removal of the layer", async () => {
  await push("kept/hello:1");
  const up = async (text: string) => {
    await writeFile(stack, text);
    const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview"]);
    assert.equal(exitCode, 0, String(all).slice(-3000));
  };
  await up(original.replace(/ {6}garbageCollection: .*\n/, ""));
  assert.equal(await kept(), 200);
  await up(original.replace(/ {4}registry: distribution\(\{\n( {6}.*\n)*? {4}\}\),\n/, ""));
  await eventually(
    "its pod is gone",
    () => kubectl(["get", "pods", "--namespace", "distribution", "--output", "name"]),
    (pods) => pods === "",
  );
  await up(original);
  assert.equal(await kept(), 200);
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

/** The registry from this machine, as the account that pushes. */
const target = async (): Promise<PushTarget> => ({
  reached: new URL((await clone.status()).layers.find(({ slot }) => slot === "registry")?.url ?? "").host,
  host,
  authority: await secretOf("distribution", "registry-certificate", "ca.crt"),
  username: "push",
  password: await secretOf("distribution", "registry-accounts", "push"),
});

const push = async (name: string, account: Partial<PushTarget> = {}): Promise<void> => {
  const image = images.find(({ program }) => program === "hello") ?? assert.fail("no image of the example app");
  const program = (await resolve(["hello"])).get("hello")?.path ?? "";
  const [archive = ""] = await makeImages([image], join(program, ".."), join(clone.folder, ".plumbline", "archives"));
  await pushImage(archive, name, { ...(await target()), ...account }, AbortSignal.timeout(30_000));
};

/** What the registry answers to the question for the image that {@link push} put there. */
const kept = async (): Promise<number> => {
  const { reached, authority, username, password } = await target();
  const port = Number(reached.split(":")[1]);
  const asked = { path: "/v2/kept/hello/tags/list", auth: `${username}:${password}` };
  const { code, body } = await askThrough(port, host, authority, asked);
  assert.deepEqual(JSON.parse(body).tags, ["1"], body);
  return code;
};
