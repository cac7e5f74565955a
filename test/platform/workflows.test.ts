// Do the scripts of both generated pipelines do what is promised? Each is run as shell, in order: a pull request, its merge, and two drift checks.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { githubWorkflow } from "../../commands/ci-github.ts";
import { gitlabPipeline } from "../../commands/ci-gitlab.ts";
import { versions } from "../../engine/versions.ts";
import { git } from "../../local/example.ts";
import { type Api, connect, type KubernetesObject } from "../../local/kubernetes-api.ts";
import { type Machine, type Ran, runGithubJob, runGitlabJob, type StandIns, standIns } from "../ci-runner.ts";
import { type Clone, eventually, type Status, sharedClone } from "../clone.ts";
import { type GitlabApi, gitlabApi } from "../gitlab-api.ts";

// As a cluster at AWS would give them; here nobody asks for them.
const role = (name: string) => `arn:aws:iam::123456789012:role/acme-${name}`;
const stack = { name: "local", branch: "main", region: "eu-central-1", ci: role("ci"), ciPreview: role("ci-preview") };

let clone: Clone;
let status: Status;
let api: Api;
let folder: string;
let host: StandIns;
let gitlab: GitlabApi;
/** The repository at the local Git server, as somebody reaches it who may push. */
let repository: string;
/** What the repository held before. */
let original: string;
let plugin: string;

const work = () => join(folder, "work");
const kustomization = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/hello/kustomizations/hello";
const intervalOf = async () => (await api.get(kustomization)).spec.interval;

const commit = async (message: string): Promise<string> => {
  await git(work(), "add", "--all");
  await git(work(), "commit", "--quiet", "--message", message);
  return git(work(), "rev-parse", "HEAD");
};
const edit = async (file: string, pattern: RegExp, text: string) => {
  const path = join(work(), file);
  const before = await readFile(path, "utf8");
  const changed = before.replace(pattern, text);
  assert.notEqual(changed, before, `${file} has no ${pattern}`);
  await writeFile(path, changed);
};

before(async () => {
  clone = sharedClone();
  status = await clone.status();
  api = await connect(status.kubeconfig.ci);
  folder = await mkdtemp(join(tmpdir(), "plumbline-workflows-"));
  host = await standIns(folder);
  gitlab = await gitlabApi();
  const state = join(clone.folder, ".plumbline");
  const token = (await readFile(join(state, "git", "token"), "utf8")).trim();
  repository = status.git.url.replace("//", `//plumbline:${token}@`);
  // The provider of AWS, which no object of this stack needs: what is there is not fetched.
  plugin = join(state, "pulumi", "home", "plugins", `resource-aws-v${versions["pulumi-aws"]}`);
  await mkdir(plugin, { recursive: true });
  await writeFile(join(plugin, "pulumi-resource-aws"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });

  // One repository for the platform and its apps, as the production's is: the stack comes to where the app is.
  await git(folder, "clone", "--quiet", repository, work());
  original = await git(work(), "rev-parse", "HEAD");
  await git(work(), "fetch", "--quiet", clone.folder, "HEAD");
  await git(work(), "checkout", "--quiet", "FETCH_HEAD", "--", ".");
  // Pulumi's file of a stack holds which key its secrets have; of this one it is not in Git.
  const config = join("stacks", "config", "Pulumi.local.yaml");
  await mkdir(join(work(), "stacks", "config"), { recursive: true });
  await copyFile(join(clone.folder, config), join(work(), config));
  await git(work(), "add", "--force", config);
  await commit("The platform beside its app");
  await git(work(), "push", "--quiet", "origin", "main");
});

after(async () => {
  await git(work(), "checkout", "--quiet", "main");
  await git(work(), "read-tree", "--reset", "-u", original);
  await commit("As it was");
  await git(work(), "push", "--quiet", "origin", "main");
  // The server lets nobody delete a branch.
  const bare = join(clone.folder, ".plumbline", "git", "platform.git");
  const branches = (await git(bare, "branch", "--format=%(refname:short)", "--list", "change-*")).split("\n");
  for (const branch of branches.filter(Boolean)) await git(bare, "branch", "--quiet", "-D", branch);
  await git(status.git.example, "pull", "--quiet", "--ff-only");
  await rm(plugin, { recursive: true, force: true });
  const up = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  await rm(folder, { recursive: true, force: true });
  api.close();
  gitlab.close();
  assert.equal(up.exitCode, 0, String(up.all));
});

/** A machine with a new checkout. */
const machineFor = async (name: string, revision: string, ...merged: string[]): Promise<Machine> => {
  const place = join(folder, name);
  await git(folder, "clone", "--quiet", repository, place);
  await git(place, "checkout", "--quiet", "--detach", revision);
  for (const branch of merged) await git(place, "merge", "--quiet", "--no-ff", "--no-edit", branch);
  const state = join(clone.folder, ".plumbline");
  return {
    folder: place,
    repository,
    environment: {
      PATH: `${host.bin}:${process.env.PATH}`,
      NO_COLOR: "1",
      PLUMBLINE_STATE: state,
      PULUMI_BACKEND_URL: `file://${join(state, "pulumi", "backend")}`,
      AWS_TOKEN: "nobody asks for it here",
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, "aws-token"),
    },
  };
};

const hosts = {
  GitHub: {
    run: (job: string, machine: Machine): Promise<Ran> =>
      runGithubJob(githubWorkflow([stack], "ubuntu-latest"), `${job}-local`, machine, {
        "github.token": "nobody asks for it here",
        "github.event.pull_request.number": "7",
        "vars.PULUMI_BACKEND_URL": machine.environment.PULUMI_BACKEND_URL ?? "",
      }),
    // What it would make of both, should it be merged.
    checkout: (name: string) => machineFor(name, "origin/main", "origin/change-GitHub"),
    interval: "21s",
  },
  GitLab: {
    run: (job: string, machine: Machine): Promise<Ran> =>
      runGitlabJob(gitlabPipeline([stack]), `${job}-local`, {
        ...machine,
        environment: { ...machine.environment, ...gitlab.environment },
      }),
    checkout: (name: string) => machineFor(name, "origin/change-GitLab"),
    interval: "22s",
  },
};

for (const [name, { run, checkout, interval }] of Object.entries(hosts)) {
  const machine = (job: string) => `${name}-${job}`;
  let actions: readonly string[] = [];
  let deployed: string;

  test(`${name}, stood in for by the local Git server: a pull request is previewed, with its apps and by the pack of the branch`, async () => {
    await git(work(), "checkout", "--quiet", "-b", `change-${name}`, "main");
    await edit("stacks/shared/first-light.ts", /interval: "\d+s"/, `interval: "${interval}"`);
    await edit("apps/hello/config.yaml", /message: .*/, `message: Hello from ${name}`);
    const good = await commit(`A change by ${name}`);
    // Would end every preview, if it were asked.
    await writeFile(join(work(), "policies/pack.ts"), 'throw new Error("the pack of the pull request");\n');
    await commit("No rules any more");
    await git(work(), "push", "--quiet", "origin", `change-${name}`);
    await git(work(), "reset", "--quiet", "--hard", good);
    const place = await checkout(machine("preview"));
    const ran = await run("preview", place);
    assert.equal(ran.exitCode, 0, ran.log);
    actions = ran.actions;
    const shown =
      name === "GitHub"
        ? (await host.written()).find(({ words }) => words[0] === "pr")?.body
        : gitlab.notes.at(-1)?.body;
    assert.match(shown ?? "", /Hello from (GitHub|GitLab)/, "the app");
    assert.match(shown ?? "", new RegExp(`interval *: "\\w+" => "${interval}"`), "the stack");
    assert.match(shown ?? "", /Policy Packs run:\s+Name\s+Version\s+plumbline\S*protected\/policies/, "what judged");
    assert.notEqual(await intervalOf(), interval, "a preview changes nothing");
  });

  test(`${name}: after the merge it is applied, and the app is delivered from the same commit`, async () => {
    await git(work(), "checkout", "--quiet", "main");
    await git(work(), "merge", "--quiet", "--no-ff", "--no-edit", `change-${name}`);
    await git(work(), "push", "--quiet", "origin", "main");
    deployed = await git(work(), "rev-parse", "HEAD");
    const ran = await run("apply", await machineFor(machine("apply"), "origin/main"));
    assert.equal(ran.exitCode, 0, ran.log);
    assert.equal(await intervalOf(), interval);
    const { deployment } = await eventually(
      "the app is delivered",
      clone.status,
      ({ apps }) => apps[0]?.commit === deployed && apps[0].healthy,
    );
    assert.deepEqual([deployment?.revision, deployment?.clean], [deployed, true]);
  });

  test(`${name}: the drift check finds nothing, then what somebody changed, and says so`, async () => {
    const place = await machineFor(machine("drift"), "origin/main");
    const before = (await host.written()).length + gitlab.issues.length;
    const quiet = await run("drift", place);
    assert.equal(quiet.exitCode, 0, quiet.log);
    assert.equal((await host.written()).length + gitlab.issues.length, before);
    await api.send<KubernetesObject>(
      "PATCH",
      `${kustomization}?fieldManager=kubectl-edit`,
      { spec: { interval: "5m" }, metadata: { labels: { "example.com/by": "stranger" } } },
      "application/merge-patch+json",
    );
    const found = await run("drift", place);
    assert.notEqual(found.exitCode, 0, found.log);
    const told =
      name === "GitHub"
        ? (await host.written()).find(({ words }) => words.join(" ").startsWith("issue create --title Drift of local"))
            ?.body
        : gitlab.issues.find(({ title }) => title === "Drift of local")?.description;
    const edited = `spec\\.interval .*\\n *wanted "${interval}"\\n *found {2}"5m"\\n *written by kubectl-edit`;
    assert.match(told ?? "", new RegExp(edited));
    assert.match(told ?? "", /metadata\.labels\.example\.com\/by /, "what Pulumi's own look leaves out");
  });

  test(`${name}: what is no script is left out, and named`, () => {
    const wanted = ["actions/checkout", "actions/checkout", "actions/setup-node", "actions/setup-go"];
    assert.deepEqual(actions, name === "GitHub" ? [...wanted, "aws-actions/configure-aws-credentials"] : []);
  });
}
