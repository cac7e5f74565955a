// The other agent, on a platform of its own: what an author of a stack has from Flux, he has from Argo CD.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { type Api, ApiError, connect } from "../../../local/kubernetes-api.ts";
import { type Clone, cloneHere, eventually, type Status } from "../../clone.ts";
import { portForward } from "../../full/exposed-app.ts";
import { watchHandover } from "../../handover.ts";

let clone: Clone;
let status: Status;
let api: Api;
const app = (now: Status) => now.apps[0] ?? assert.fail("no app");
const answer = async () =>
  (await (await fetch(app(status).url, { headers: { Accept: "application/json" } })).json()) as {
    message: string;
    commit: string;
  };
const inExample = (...args: string[]) => execa("git", args, { cwd: status.git.example });
const file = (name: string) => join(status.git.example, "apps/hello", name);
const push = async (message: string): Promise<string> => {
  await inExample("add", "--all");
  await inExample("commit", "--quiet", "--message", message);
  await inExample("push", "--quiet");
  return (await inExample("rev-parse", "HEAD")).stdout;
};
const delivered = (commit: string) =>
  eventually(
    "the commit is delivered",
    clone.status,
    (now) => app(now).commit === commit && now.phase === "running",
    60,
  );
const pulumi = async (...args: string[]): Promise<void> => {
  const { exitCode, all } = await clone.plumbline(["pulumi", ...args, "--non-interactive"]);
  assert.equal(exitCode, 0, String(all));
};
const isGone = (path: string) =>
  api.get(path).then(
    () => false,
    (error) => error instanceof ApiError && error.status === 404,
  );

before(async () => {
  clone = await cloneHere("argo-cd");
  const file = join(clone.folder, "stacks/local-argo.ts");
  const text = await readFile(file, "utf8");
  // It begins with Flux; the nodes get the images of Argo CD all the same, by a word that declares nothing.
  const both = text
    .replace("{ argoCd }", "{ flux, layer }")
    .replace("export default firstLight", "const whole = firstLight")
    .concat(
      'const images = layer({ slot: "dashboards", implementation: "argo-cd", parts: ["webhook"], needs: [], build: () => ({}) as never });\n',
      "export default { ...whole, layers: { ...whole.layers, dashboards: images } };\n",
    );
  await writeFile(file, both.replace("agent: argoCd()", "agent: flux()"));
  const { exitCode, all } = await clone.plumbline(["start", "--stack", "local-argo"]);
  assert.equal(exitCode, 0, String(all));
  status = await clone.status();
  api = await connect(status.kubeconfig.ci);
  // From here on the stack is as it stands in this repository, with a receiver of push events.
  await writeFile(file, text.replace("argoCd()", "argoCd({ webhook: {} })"));
});
after(async () => {
  api?.close();
  await clone?.remove();
});

test("Flux hands the app over to Argo CD: nothing is made anew, nobody who asks notices", async () => {
  assert.equal(app(status).agent, "flux");
  const watched = await watchHandover(api, app(status).url, ["hello"]);
  const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(exitCode, 0, String(all));
  assert.match(String(all), /argo-cd has taken over hello/);
  await watched.end(/kustomize/);
  assert.ok(await isGone("/api/v1/namespaces/flux-system"));
  status = await clone.status();
});

test("the app answers with the commit that Argo CD delivered", async () => {
  const { stdout: head } = await inExample("rev-parse", "HEAD");
  assert.equal((await answer()).commit, head);
  const { agent, model, healthy, commit } = app(status);
  assert.deepEqual({ agent, model, healthy, commit }, { agent: "argo-cd", model: "pull", healthy: true, commit: head });
  assert.deepEqual(
    status.layers.map(({ implementation, version, ready }) => [implementation, version.split(".")[0], ready]),
    [
      ["embedded", "1", true],
      ["argo-cd", "3", true],
    ],
  );
});

test("its controller writes nothing of an app itself: it may take the token of that deployer, and of nobody else", async () => {
  const allowed = async (resourceAttributes: object): Promise<boolean> => {
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: "system:serviceaccount:argocd:argocd-application-controller", resourceAttributes },
    };
    return (await api.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)).status.allowed;
  };
  const token = { verb: "create", resource: "serviceaccounts", subresource: "token", name: "deployer" };
  const asked = [
    { verb: "create", resource: "configmaps", namespace: "hello" },
    { verb: "get", resource: "secrets", namespace: "hello" },
    { verb: "impersonate", resource: "serviceaccounts", namespace: "hello", name: "deployer" },
    { ...token, namespace: "default" },
    { ...token, namespace: "hello", name: "hello" },
    { ...token, namespace: "hello" },
  ];
  assert.deepEqual(await Promise.all(asked.map(allowed)), [false, false, false, false, false, true]);
});

test("a pushed change is live within seconds, without a poll", async () => {
  const text = await readFile(file("config.yaml"), "utf8");
  await writeFile(file("config.yaml"), text.replace(/message: .*/, "message: Hello by Argo CD"));
  const commit = await push("Say it by Argo CD");
  // The controller polls once a minute.
  await eventually(
    "the new greeting",
    answer,
    ({ message, commit: by }) => message === "Hello by Argo CD" && by === commit,
    20,
  );
  await delivered(commit);
});

test("a live edit is undone, and status shows that it happened", async () => {
  const deployment = "/apis/apps/v1/namespaces/hello/deployments/hello";
  const { replicas } = (await api.get(deployment)).spec;
  const patch = { spec: { replicas: 5 } };
  await api.send("PATCH", `${deployment}?fieldManager=kubectl-edit`, patch, "application/merge-patch+json");
  await eventually(
    "the edit is undone",
    () => api.get(deployment),
    ({ spec }) => spec.replicas === replicas,
    30,
  );
  const now = await eventually("status shows it", clone.status, (found) => app(found).reverted !== undefined, 30);
  assert.match(app(now).reverted?.what ?? "", /Deployment\/hello/);
  await eventually("it is well again", clone.status, ({ phase }) => phase === "running", 30);
});

const wrong = [
  {
    what: "not YAML",
    name: "broken.yaml",
    // Without the three words it would be passed over: what does not look like a manifest may be anything.
    text: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [unclosed\n",
    says: /apps\/hello\/broken\.yaml:\d/,
  },
  {
    what: "for another namespace",
    name: "elsewhere.yaml",
    text: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: elsewhere\n  namespace: default\n",
    says: /elsewhere\.yaml:1.*namespace/s,
  },
  {
    what: "refused by a policy",
    name: "root.yaml",
    text: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: root\nspec:\n  containers:\n    - name: root\n      image: plumbline.local/plumbline/hello:1\n",
    says: /root\.yaml:1/,
  },
];
for (const { what, name, text, says } of wrong) {
  test(`a manifest that is ${what} leaves the version that ran, and status names the file`, async () => {
    const { message } = await answer();
    await writeFile(file(name), text);
    const commit = await push(what);
    const now = await eventually("status says why", clone.status, (found) => says.test(app(found).message ?? ""), 40);
    assert.equal(now.phase, "degraded");
    const running = await answer();
    assert.deepEqual([running.message, running.commit], [message, app(now).commit]);
    assert.notEqual(running.commit, commit);
    assert.ok(await isGone("/api/v1/namespaces/default/configmaps/elsewhere"));
    await rm(file(name));
    await delivered(await push(`without ${name}`));
  });
}

test("an object that leaves Git leaves the cluster", async () => {
  const path = "/api/v1/namespaces/hello/configmaps/brief";
  await writeFile(file("brief.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: brief\n");
  await delivered(await push("Something brief"));
  assert.ok(!(await isGone(path)));
  await rm(file("brief.yaml"));
  await delivered(await push("Gone again"));
  await eventually("it is gone", () => isGone(path), Boolean, 20);
});

test("a push event has the app refreshed at once, where nobody else tells of the push", async () => {
  const secret = await api.get("/api/v1/namespaces/argocd/secrets/webhook");
  const key = Buffer.from(secret.data.secret, "base64");
  await inExample("commit", "--quiet", "--allow-empty", "--message", "Told by a webhook");
  // Its server has no part in it.
  await inExample("push", "--quiet", join(clone.folder, ".plumbline/git/platform.git"), "HEAD:main");
  const commit = (await inExample("rev-parse", "HEAD")).stdout;
  const { source } = (await api.get("/apis/argoproj.io/v1alpha1/namespaces/hello/applications/hello")).spec;
  const body = JSON.stringify({ ref: "refs/heads/main", repository: { clone_url: source.repoURL } });
  const forward = await portForward(status.kubeconfig.ci, "argocd", "webhook", 80);
  try {
    const send = async (by: Buffer | string) => {
      const signature = `sha256=${createHmac("sha256", by).update(body).digest("hex")}`;
      const headers = { "x-github-event": "push", "x-hub-signature-256": signature };
      return (await fetch(`http://127.0.0.1:${forward.port}/hook`, { method: "POST", headers, body })).status;
    };
    assert.equal(await send("another secret"), 401);
    assert.equal(await send(key), 202);
  } finally {
    await forward.end();
  }
  await eventually("the app is at the commit", clone.status, (now) => app(now).commit === commit, 20);
});

test("what the stack declares is what the cluster has", async () => {
  const { exitCode, all } = await clone.plumbline(["drift"]);
  assert.equal(exitCode, 0, String(all));
});

const stack = () => join(clone.folder, "stacks/shared/first-light.ts");
const up = () => pulumi("up", "--yes", "--skip-preview");

test("an app that leaves the stack leaves nothing; it comes back, beside a kustomization and a chart", async () => {
  const text = await readFile(stack(), "utf8");
  await writeFile(stack(), text.replace(/apps: \[[\s\S]*?\n {6}\],/, "apps: [],"));
  const began = performance.now();
  await up();
  assert.ok(performance.now() - began < 60_000, "removing an app took more than a minute");
  assert.ok(await isGone("/api/v1/namespaces/hello"));

  const files = {
    "layered/kustomization.yaml":
      "namePrefix: my-\nconfigMapGenerator:\n  - name: word\n    literals: [word=layered]\n    options: {disableNameSuffixHash: true}\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
    "chart/values.yaml": "word: default\n",
    "chart/templates/word.yaml":
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-word\ndata:\n  word: {{ .Values.word }}\n",
  };
  for (const [path, content] of Object.entries(files)) {
    const target = join(status.git.example, "apps", path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  await push("A kustomization and a chart");
  const more = `apps: [
        app({ name: "layered", source: { path: "apps/layered" }, kind: "kustomize" }),
        app({ name: "chart", source: { path: "apps/chart" }, kind: "helm", values: { word: "charted" } }),`;
  await writeFile(stack(), text.replace("apps: [", more));
  await up();
  await eventually("all are there", clone.status, ({ phase, apps }) => phase === "running" && apps.length === 3, 60);
  const word = async (namespace: string, name: string): Promise<string> =>
    (await api.get(`/api/v1/namespaces/${namespace}/configmaps/${name}`)).data.word;
  assert.deepEqual([await word("layered", "my-word"), await word("chart", "chart-word")], ["layered", "charted"]);
});

test("the platform goes in one sweep, Applications before their controller", async () => {
  const { exitCode, all } = await clone.plumbline(["destroy", "--yes"]);
  assert.equal(exitCode, 0, String(all));
  for (const namespace of ["hello", "layered", "chart", "argocd"])
    assert.ok(await isGone(`/api/v1/namespaces/${namespace}`), namespace);
});
