// What does a push event change on the cluster? Commits that nobody else tells Flux of, signed as GitHub, GitLab and others do.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { before, test } from "node:test";
import { execa } from "execa";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { askThrough, authorityOf } from "./exposed-app.ts";

const host = "hooks.example.test";
let clone: Clone;
let status: Status;
let kubectl: Kubectl;
let authority: string;
let secret: string;
/** URL of the repository as the cluster has it. */
let repository: string;

const inExample = (...args: string[]) => execa("git", args, { cwd: status.git.example });

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
  authority = await authorityOf(kubectl);
  const data = await kubectl([
    ...["get", "secret", "webhook", "--namespace", "flux-system", "--output", "jsonpath={.data.secret}"],
  ]);
  secret = Buffer.from(data, "base64").toString();
  repository = (await source()).spec.url;
});

/** The source of the example app. */
const source = async () => {
  const found = JSON.parse(await kubectl(["get", "gitrepositories", "--namespace", "flux-system", "--output", "json"]));
  return found.items[0] as {
    readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
    readonly spec: { readonly url: string; readonly ref: { readonly branch: string } };
    readonly status: { readonly artifact: { readonly revision: string }; readonly lastHandledReconcileAt?: string };
  };
};
const asked = async () => (await source()).metadata.annotations?.["reconcile.fluxcd.io/requestedAt"];
const applied = () =>
  kubectl([
    "get",
    "kustomization",
    "hello",
    "--namespace",
    "hello",
    "--output",
    "jsonpath={.status.lastAppliedRevision}",
  ]);

/** A commit in the bare repository: its server, which would tell Flux, has no part in it. */
const commitAside = async (message: string): Promise<string> => {
  await inExample("commit", "--quiet", "--allow-empty", "--message", message);
  await inExample("push", "--quiet", join(clone.folder, ".plumbline/git/platform.git"), "HEAD:main");
  return (await inExample("rev-parse", "HEAD")).stdout;
};

const send = async (headers: Record<string, string>, text: string): Promise<number> => {
  const port = Number(new URL(status.layers.find(({ slot }) => slot === "ingress")?.url ?? "").port);
  return (await askThrough(port, host, authority, { path: "/hook", method: "POST", headers, text })).code;
};
const signed = (text: string, key = secret) => `sha256=${createHmac("sha256", key).update(text).digest("hex")}`;

const payloads = {
  github: () =>
    JSON.stringify({ ref: "refs/heads/main", repository: { clone_url: repository, default_branch: "main" } }),
  gitlab: () => JSON.stringify({ object_kind: "push", ref: "refs/heads/main", project: { git_http_url: repository } }),
  generic: () => JSON.stringify({ repository, ref: "refs/heads/main" }),
};
const headersOf = {
  github: (text: string, key?: string) => ({ "x-github-event": "push", "x-hub-signature-256": signed(text, key) }),
  gitlab: (_: string, key = secret) => ({ "x-gitlab-event": "Push Hook", "x-gitlab-token": key }),
  generic: (text: string, key?: string) => ({ "x-signature": signed(text, key) }),
};

test("a wrong signature, and a push of something else, change nothing", async () => {
  const earlier = await asked();
  for (const sender of ["github", "gitlab", "generic"] as const) {
    const text = payloads[sender]();
    assert.equal(await send(headersOf[sender](text, "another secret"), text), 401);
  }
  for (const other of [
    { repository, ref: "refs/heads/next" },
    { repository: `${repository}-of-somebody-else`, ref: "refs/heads/main" },
  ]) {
    const text = JSON.stringify(other);
    assert.equal(await send(headersOf.generic(text), text), 202);
  }
  assert.equal(await asked(), earlier);
});

for (const sender of ["github", "gitlab", "generic"] as const)
  test(`a push that ${sender} tells of is live at once`, async () => {
    const earlier = await asked();
    const commit = await commitAside(`Told by ${sender}`);
    const text = payloads[sender]();
    const begun = performance.now();
    assert.equal(await send(headersOf[sender](text), text), 202);
    const told = await asked();
    assert.notEqual(told, earlier);
    await eventually("the commit is applied", applied, (revision) => revision.endsWith(commit), 20);
    const seconds = (performance.now() - begun) / 1000;
    process.stdout.write(`told by ${sender}, live after ${seconds.toFixed(1)} s\n`);
    // That it came by the question, and not by the interval of a minute, Flux says itself.
    assert.equal((await source()).status.lastHandledReconcileAt, told);
  });
