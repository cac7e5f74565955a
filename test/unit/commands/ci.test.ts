// Are the pipelines in `ci/` those that the stacks ask for, and do they hold what a pipeline with rights must?
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execaSync } from "execa";
import { load } from "js-yaml";
import { type CiHost, pipelineOf } from "../../../commands/ci.ts";
import { root } from "../../../engine/folders.ts";

const options = { stack: ["production"], runner: "ubuntu-latest" };
interface Step {
  name?: string;
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  if: string;
  permissions: Record<string, string>;
  concurrency: { group: string; "cancel-in-progress": boolean };
  environment?: string;
  "runs-on": string;
  steps: Step[];
}
interface GitlabJob {
  rules: { if: string }[];
  variables: Record<string, string>;
  script: string[];
  resource_group?: string;
  after_script?: string[];
}
const text = async (host: CiHost, more: object = {}) => pipelineOf(host, { ...options, ...more });
const github = load(await text("github")) as { permissions: object; jobs: Record<string, Job> };
const gitlab = load(await text("gitlab")) as Record<string, GitlabJob>;
const { "preview-production": preview, "apply-production": apply, "drift-production": drift } = github.jobs;

for (const host of ["github", "gitlab"] as const) {
  test(`the file of ${host} is what the stacks ask for: \`plumbline ci ${host} > ci/${host}.yml\``, async () => {
    assert.equal(readFileSync(join(root, "ci", `${host}.yml`), "utf8"), await text(host));
  });
}

test("each action is pinned by a digest, with its version beside it", async () => {
  const used = [...(await text("github")).matchAll(/uses: (.*)$/gm)].map((match) => match[1] ?? "");
  assert.ok(used.length > 10);
  for (const each of used) assert.match(each, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test("a job has the rights that it uses, a token for its role, and no key", async () => {
  assert.deepEqual(github.permissions, {});
  assert.deepEqual(preview?.permissions, { contents: "read", "id-token": "write", "pull-requests": "write" });
  assert.deepEqual(apply?.permissions, { contents: "read", "id-token": "write" });
  assert.deepEqual(drift?.permissions, { contents: "read", "id-token": "write", issues: "write" });
  const roleOf = (job: Job | undefined) =>
    job?.steps.find(({ uses }) => uses?.startsWith("aws-actions/"))?.with?.["role-to-assume"];
  assert.match(String(roleOf(preview)), /role\/acme-ci-preview$/);
  assert.match(String(roleOf(apply)), /role\/acme-ci$/);
  for (const host of ["github", "gitlab"] as const)
    assert.doesNotMatch(await text(host), /secrets\.|AWS_SECRET|AWS_ACCESS_KEY/);
  assert.match(gitlab["preview-production"]?.variables.AWS_ROLE_ARN ?? "", /role\/acme-ci-preview$/);
});

test("a fork is not previewed, and only the protected branch is applied", () => {
  assert.match(preview?.if ?? "", /head\.repo\.full_name == github\.repository/);
  assert.equal(apply?.if, "github.event_name == 'push'");
  assert.equal(apply?.environment, "production");
  assert.match(gitlab["preview-production"]?.rules[0]?.if ?? "", /SOURCE_PROJECT_ID == \$CI_PROJECT_ID/);
  assert.match(gitlab["apply-production"]?.rules[0]?.if ?? "", /CI_COMMIT_BRANCH == "main"/);
});

test("what judges a pull request comes from the protected branch, and no secret of the state is read", () => {
  const checkout = preview?.steps.find(({ with: settings }) => settings?.path === "protected");
  assert.equal(checkout?.with?.ref, "main");
  for (const script of [
    preview?.steps.map(({ run }) => run).join("\n"),
    gitlab["preview-production"]?.script.join("\n"),
  ]) {
    assert.match(script ?? "", /--policy-pack protected\/policies/);
    assert.match(script ?? "", /\| node launch\.mjs blind > blind\.json/);
  }
});

test("the apps are compared with the commit at which the branches part, and the history is there for it", () => {
  const [checkout] = preview?.steps ?? [];
  assert.equal(checkout?.with?.["fetch-depth"], 0);
  assert.equal(gitlab["preview-production"]?.variables.GIT_DEPTH, "0");
  assert.match(gitlab["preview-production"]?.script[0] ?? "", /^git fetch origin \+main:refs\/remotes\/origin\/main$/);
  for (const job of [apply, drift]) assert.equal(job?.steps[0]?.with?.["fetch-depth"], undefined);
});

test("the drift check is the one that sees what strangers added, and both hosts open an issue where it fails", () => {
  const looks = /node launch\.mjs drift --stack production > drift\.txt/;
  assert.match(drift?.steps.map(({ run }) => run).join("\n") ?? "", looks);
  assert.match(gitlab["drift-production"]?.script.join("\n") ?? "", looks);
  assert.match(drift?.steps.at(-1)?.run ?? "", /gh issue create --title "\$title"/);
  const [condition, , opens] = gitlab["drift-production"]?.after_script ?? [];
  assert.equal(condition, '[ "$CI_JOB_STATUS" = failed ] || exit 0');
  assert.match(opens ?? "", /gitlab issue --title 'Drift of production'/);
  // By the code of the protected branch, since a token is at hand.
  assert.match(gitlab["preview-production"]?.after_script?.at(-1) ?? "", /^node protected\/launch\.mjs gitlab note /);
});

test("runs of one stack come one after the other, and none that applies is cancelled", () => {
  assert.deepEqual(apply?.concurrency, { group: "stack-production", "cancel-in-progress": false });
  assert.deepEqual(drift?.concurrency, apply?.concurrency);
  assert.equal(gitlab["apply-production"]?.resource_group, "stack-production");
});

test("every script is one that bash reads", () => {
  const scripts = [
    ...Object.values(github.jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])),
    ...Object.values(gitlab).flatMap(({ script, after_script }) => [...(script ?? []), ...(after_script ?? [])]),
  ];
  assert.ok(scripts.length > 12);
  for (const input of scripts) execaSync("bash", ["-n"], { input });
});

test("the runner is one in the network of the cluster where that is asked", async () => {
  const { jobs } = load(await text("github", { runner: "in-the-vpc" })) as { jobs: Record<string, Job> };
  assert.ok(Object.values(jobs).every((job) => job["runs-on"] === "in-the-vpc"));
});

test("a stack that CI reaches by no role is refused", async () => {
  await assert.rejects(text("github", { stack: ["local"] }), {
    message:
      /^stacks\/local\.ts: 1 problem\n {2}settings\.cluster: found "embedded"; allowed: a cluster that CI reaches by a role/,
  });
});
