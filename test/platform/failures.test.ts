// What goes wrong in daily life: programs die, manifests are wrong. Nothing is lost, and status says what happened.
import assert from "node:assert/strict";
import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { execa } from "execa";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type Kubectl, kubectlWith } from "../kubectl.ts";
import { processesOf } from "../pods.ts";

let clone: Clone;
let status: Status;
let kubectl: Kubectl;
const app = (now: Status) => now.apps[0] ?? assert.fail("no app");
const answer = async () =>
  (await fetch(app(status).url, { headers: { Accept: "application/json" } })).json() as Promise<{
    message: string;
    commit: string;
  }>;
const inExample = (...args: string[]) => execa("git", args, { cwd: status.git.example });

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  kubectl = await kubectlWith(status.kubeconfig.ci);
});

describe("a program of the platform is killed and comes back", () => {
  for (const program of [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "git-server",
    "containerd",
    "kubelet",
    "kube-proxy",
  ]) {
    test(program, async () => {
      const find = (now: Status) =>
        now.processes.find(({ name }) => name.split("/").at(-1) === program) ?? assert.fail(`no ${program}`);
      const { pid, restarts } = find(await clone.status());
      process.kill(pid, "SIGKILL");
      const now = await eventually(
        `${program} runs again`,
        clone.status,
        (found) => find(found).restarts > restarts && find(found).pid > 0 && found.phase === "running",
        60,
      );
      assert.notEqual(find(now).pid, pid);
      assert.equal((await answer()).commit, app(now).commit);
    });
  }
});

describe("a Flux controller is killed and comes back", () => {
  for (const controller of ["source-controller", "kustomize-controller"]) {
    test(controller, async () => {
      const selector = ["--namespace", "flux-system", "--selector", `app.kubernetes.io/name=${controller}`];
      const uids = await kubectl(["get", "pods", ...selector, "--output", "jsonpath={.items[*].metadata.uid}"]);
      const mine = processesOf(uids);
      assert.equal(mine.length, 1, `processes of ${controller}: ${mine.join(", ")}`);
      process.kill(mine[0] ?? assert.fail(), "SIGKILL");
      await eventually("the agent is ready again", clone.status, ({ phase }) => phase === "running", 90);
      await inExample("commit", "--quiet", "--allow-empty", "--message", `after ${controller}`);
      await inExample("push", "--quiet");
      const { stdout: head } = await inExample("rev-parse", "HEAD");
      await eventually(
        "the next commit is delivered",
        clone.status,
        (now) => app(now).commit === head && app(now).healthy,
        60,
      );
    });
  }
});

describe("a wrong manifest is refused whole, the version that ran stays, and status names the file", () => {
  const cases = [
    { name: "not YAML", file: "broken.yaml", text: "kind: ConfigMap\n  name: [unclosed\n", says: /broken\.yaml/ },
    {
      name: "of an object that stands in another file, too",
      file: "again.yaml",
      text: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hello\n",
      says: /platform\.git at commit \w{12}: apps\/hello\/config\.yaml:1: ConfigMap hello is also in apps\/hello\/again\.yaml:1.*way out/s,
    },
    {
      name: "of an unknown kind",
      file: "unknown.yaml",
      text: "apiVersion: example.com/v1\nkind: Teapot\nmetadata:\n  name: short\n",
      says: /unknown\.yaml:2.*Teapot/s,
    },
    {
      name: "refused by the API server",
      file: "refused.yaml",
      text: "apiVersion: v1\nkind: Service\nmetadata:\n  name: refused\nspec:\n  ports:\n    - port: 99999\n",
      says: /refused\.yaml.*99999|99999.*refused/s,
    },
    {
      name: "refused by a policy, with the name that other objects have too",
      file: "root.yaml",
      text: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hello\nspec:\n  containers:\n    - name: root\n      image: plumbline.local/plumbline/hello:1\n",
      says: /root\.yaml:1: Pod\/hello/,
    },
  ];
  for (const { name, file, text, says } of cases) {
    test(name, async () => {
      const running = app(await clone.status()).commit;
      const path = join(status.git.example, "apps/hello", file);
      await writeFile(path, text);
      await inExample("add", "--all");
      await inExample("commit", "--quiet", "--message", name);
      await inExample("push", "--quiet");
      const now = await eventually("status says why", clone.status, (found) => says.test(app(found).message ?? ""), 60);
      assert.equal(now.phase, "degraded");
      assert.equal(app(now).commit, running);
      assert.equal((await answer()).commit, running);
      assert.equal((await clone.plumbline(["status"])).exitCode, 1);
      await rm(path);
      await inExample("commit", "--quiet", "--all", "--message", `without ${file}`);
      await inExample("push", "--quiet");
      const { stdout: head } = await inExample("rev-parse", "HEAD");
      await eventually(
        "the mended commit is delivered",
        clone.status,
        (found) => app(found).commit === head && found.phase === "running",
        60,
      );
    });
  }
});

test("what Flux passes over in a commit is named by status as by diff", async () => {
  const link = join(status.git.example, "apps/hello/link.yaml");
  await symlink("config.yaml", link);
  const commit = async (message: string) => {
    await inExample("add", "--all");
    await inExample("commit", "--quiet", "--message", message);
    await inExample("push", "--quiet");
    return (await inExample("rev-parse", "HEAD")).stdout;
  };
  const head = await commit("A link");
  const says =
    /at commit \w{12}: apps\/hello\/link\.yaml: is a symbolic link, to config\.yaml.*put a file in its place/;
  const now = await eventually("status says it", clone.status, (found) => says.test(app(found).message ?? ""), 60);
  assert.deepEqual([now.phase, app(now).healthy, app(now).commit], ["degraded", false, head]);
  const told = await clone.plumbline(["diff"]);
  assert.equal(told.exitCode, 1, told.all);
  assert.match(told.all, says);
  await rm(link);
  const mended = await commit("Without the link");
  await eventually(
    "it is well again",
    clone.status,
    (found) => found.phase === "running" && app(found).commit === mended,
    60,
  );
});

test("an app without the Service that its stack exposes has no URL, and status says why", async () => {
  const path = join(status.git.example, "apps/hello/service.yaml");
  const text = await readFile(path, "utf8");
  const push = async (message: string) => {
    await inExample("add", "--all");
    await inExample("commit", "--quiet", "--message", message);
    await inExample("push", "--quiet");
  };
  await rm(path);
  await push("Without its Service");
  await eventually(
    "status says why",
    clone.status,
    (now) => app(now).url === "" && /Service hello, which is not among/.test(app(now).message ?? ""),
    60,
  );
  await writeFile(path, text);
  await push("With its Service");
  await eventually("the URL is back", clone.status, (now) => app(now).url === app(status).url, 60);
  assert.equal((await answer()).commit, app(await clone.status()).commit);
});
