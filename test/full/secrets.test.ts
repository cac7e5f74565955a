// What an app has of Vault: its value and no other's, what it is changed to, and both after Vault is killed or set back.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";

let clone: Clone;
let status: Status;
let kubectl: Kubectl;
const canary = `canary-${randomBytes(12).toString("hex")}`;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** What the app says of the secret that it has. */
const shown = async () =>
  (await kubectl(["get", "--raw", "/api/v1/namespaces/keeper/services/keeper:http/proxy/secret"])).trim();
/** Runs a script beside Vault with the rights of somebody; what he logs in with is made for this. */
const as = async (role: string, namespace: string, script: string) => {
  const jwt = await kubectl(["create", "token", role, "--namespace", namespace, "--audience", "vault"]);
  const login = `export VAULT_TOKEN=$(vault write -field=token auth/kubernetes/login role=$ROLE jwt=-) && test -n "$VAULT_TOKEN"`;
  return kubectl(
    ["exec", "--stdin", "--namespace", "vault", "vault-0", "--", "sh", "-c", `ROLE=${role}; ${login} && ${script}`],
    jwt,
  );
};
const operator = (script: string) => as("operator", "operators", script);
const put = (value: string) =>
  operator(
    `printf %s ${value} > /tmp/value && vault kv put -mount=secret keeper/example token=@/tmp/value && rm /tmp/value`,
  );
const kept = () => operator("vault kv get -mount=secret -field=token keeper/example");
const ready = (seconds: number) =>
  kubectl(["wait", "pod/vault-0", "--namespace", "vault", "--for=condition=Ready", `--timeout=${seconds}s`]);

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  await kubectl(["create", "namespace", "operators"]);
  await kubectl(["create", "serviceaccount", "operator", "--namespace", "operators"]);
});
after(() => kubectl(["delete", "namespace", "operators", "--wait=false"]));

test("the app has the value that was made for it, and follows its change", async () => {
  assert.equal(await shown(), sha256(await kept()));
  await put(canary);
  await eventually("the new value is in the app", shown, (hash) => hash === sha256(canary), 40);
});

test("nobody else gets it: not another ServiceAccount of the namespace, and not whoever configures Vault", async () => {
  const login = async (account: string, namespace: string) => {
    const jwt = await kubectl(["create", "token", account, "--namespace", namespace, "--audience", "vault"]);
    const script = "vault write -field=token auth/kubernetes/login role=keeper.keeper jwt=-";
    return kubectl(["exec", "--stdin", "--namespace", "vault", "vault-0", "--", "sh", "-c", script], jwt);
  };
  assert.match(await login("keeper", "keeper"), /^hvs\./);
  await assert.rejects(login("default", "keeper"), /not authorized/);
  await assert.rejects(login("operator", "operators"), /not authorized/);
  await assert.rejects(
    as("vault-configurator", "vault", "vault kv get -mount=secret keeper/example"),
    /permission denied/,
  );
});

test("the first token is revoked", async () => {
  const root = await kubectl([
    "get",
    "secret",
    "vault-keys",
    "--namespace",
    "vault",
    "--output",
    "jsonpath={.data.root}",
  ]);
  const script = "export VAULT_TOKEN=$(base64 -d) && vault token lookup";
  await assert.rejects(
    kubectl(["exec", "--stdin", "--namespace", "vault", "vault-0", "--", "sh", "-c", script], root),
    /bad token|permission denied|invalid token/,
  );
});

test("killed without a warning, Vault is open again, and the value is there", async () => {
  await kubectl(["delete", "pod", "vault-0", "--namespace", "vault", "--grace-period=0", "--force"]);
  await eventually(
    "the new pod",
    () => ready(60),
    () => true,
    60,
  );
  await eventually("the value", kept, (value) => value === canary, 30);
  assert.equal(await shown(), sha256(canary));
});

test("a snapshot of Raft brings back what was there", async () => {
  await operator("vault operator raft snapshot save /tmp/snapshot");
  await put("changed-after-the-snapshot");
  await operator("vault operator raft snapshot restore /tmp/snapshot && rm /tmp/snapshot");
  await eventually("the value of the snapshot", kept, (value) => value === canary, 60);
});

test("a grant that leaves the declaration leaves Vault", async () => {
  const roles = () => as("vault-configurator", "vault", "vault list auth/kubernetes/role && vault policy list");
  const granted = Buffer.from(
    `shop.web\n${JSON.stringify({ bound_service_account_names: ["web"], bound_service_account_namespaces: ["shop"], audience: "vault", token_policies: ["shop.web"] })}\n# Declared by plumbline\npath "secret/data/shop" {\n  capabilities = ["read"]\n}\n`,
  ).toString("base64");
  const metadata = { name: "grant-shop.web", namespace: "vault", labels: { "plumbline.dev/grant": "true" } };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata, binaryData: { grant: granted } };
  await kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const count = async () => (await roles()).split("\n").filter((line) => line === "shop.web").length;
  await eventually("role and policy", count, (found) => found === 2, 30);
  await kubectl(["delete", "configmap", "grant-shop.web", "--namespace", "vault"]);
  await eventually("neither", count, (found) => found === 0, 30);
});

test("the value stands in no Secret, ConfigMap, log, state or repository", async () => {
  const encoded = Buffer.from(canary).toString("base64").slice(0, -4);
  const clean = (what: string, text: string) =>
    assert.ok(!text.includes(canary) && !text.includes(encoded), `the value stands in ${what}`);
  const objects = await kubectl(["get", "secrets,configmaps,pods", "--all-namespaces", "--output", "json"]);
  assert.ok(objects.includes("vault-keys"));
  clean("the cluster", objects);
  for (const [pod, container] of [
    ["vault-0", "vault"],
    ["deployment/vault-configurator", "configurator"],
  ] as const) {
    const log = await kubectl(["logs", pod, "--namespace", "vault", "--container", container]);
    assert.ok(log.length > 0, pod);
    clean(`the log of ${pod}`, log);
  }
  for (const container of ["keeper", "vault-agent"])
    clean(`the log of ${container}`, await kubectl(["logs", "deployment/keeper", "-n", "keeper", "-c", container]));
  const audit = await kubectl(["logs", "vault-0", "--namespace", "vault"]);
  assert.match(audit, /"path":"secret\/data\/keeper\/example"/);
  for (const folder of ["pulumi", "git"]) {
    const path = join(clone.folder, ".plumbline", folder);
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((each) => each.isFile()))
      clean(entry.name, (await readFile(join(entry.parentPath, entry.name))).toString("latin1"));
  }
});
