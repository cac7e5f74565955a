// How do the jobs of CI become a workflow of GitHub Actions?
import { dump } from "js-yaml";
import { versions } from "../engine/versions.ts";
import {
  applySteps,
  type CiStack,
  type CiStep,
  commentOfPreview,
  driftSteps,
  judge,
  previewSteps,
  textOfDrift,
  titles,
} from "./ci-jobs.ts";

// By the digest of a commit: a tag can be moved.
const actions = {
  checkout: ["actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683", "v4.2.2"],
  node: ["actions/setup-node@39370e3970a6d050c480ffad4ff0ed4d3fdee5af", "v4.1.0"],
  go: ["actions/setup-go@3041bf56c941b39c61721a86cd11f3bb1338122a", "v5.2.0"],
  aws: ["aws-actions/configure-aws-credentials@e3dd6a429d7300a6a4c196c26e071d42e0343502", "v4.0.2"],
} as const;

const expression = (text: string): string => `\${{ ${text} }}`;
const ownRepository = "github.event.pull_request.head.repo.full_name == github.repository";

const checkout = (settings: object = {}) => ({
  uses: actions.checkout[0],
  with: { "persist-credentials": false, ...settings },
});

const job = (
  { region }: CiStack,
  role: string,
  steps: readonly CiStep[],
  { runner, ...rest }: { runner: string; [key: string]: unknown },
  checkouts: readonly object[] = [checkout()],
) => ({
  ...rest,
  "runs-on": runner,
  "timeout-minutes": 60,
  env: { PULUMI_BACKEND_URL: expression("vars.PULUMI_BACKEND_URL") },
  steps: [
    ...checkouts,
    { uses: actions.node[0], with: { "node-version": versions.node } },
    { uses: actions.go[0], with: { "go-version": "stable", "cache-dependency-path": "engine/programs/*/go.sum" } },
    { uses: actions.aws[0], with: { "role-to-assume": role, "aws-region": region } },
    ...steps,
  ],
});

const jobsOf = (stack: CiStack & { readonly ciPreview: string }, runner: string) => {
  const { name } = stack;
  const previewed = job(
    stack,
    stack.ciPreview,
    previewSteps(stack),
    {
      runner,
      // A fork has no token that a role would take, and is not tried.
      if: `github.event_name == 'pull_request' && ${ownRepository}`,
      permissions: { contents: "read", "id-token": "write", "pull-requests": "write" },
      concurrency: { group: `preview-${name}-${expression("github.ref")}`, "cancel-in-progress": true },
    },
    // All of the history: the commit at which the branches part is what the apps are compared with.
    [checkout({ "fetch-depth": 0 }), checkout({ ref: stack.branch, path: judge })],
  );
  const noted = {
    name: "Say what would change",
    if: "always()",
    env: { GH_TOKEN: expression("github.token"), PULL_REQUEST: expression("github.event.pull_request.number") },
    run: `${commentOfPreview(stack)}gh pr comment "$PULL_REQUEST" --edit-last --create-if-none --body-file comment.md
`,
  };
  const found = {
    name: "Open an issue",
    if: "failure()",
    env: { GH_TOKEN: expression("github.token") },
    run: `title='${titles.drift(stack)}'
if [ -z "$(gh issue list --state open --search "in:title \\"$title\\"" --json number --jq '.[].number')" ]; then
${textOfDrift.replace(/^/gm, "  ").trimEnd()}
  gh issue create --title "$title" --body-file drift.md
fi
`,
  };
  const drifting = job(stack, stack.ci, driftSteps(stack), {
    runner,
    if: "github.event_name == 'schedule'",
    environment: "production",
    permissions: { contents: "read", "id-token": "write", issues: "write" },
    concurrency: { group: `stack-${name}`, "cancel-in-progress": false },
  });
  return {
    [`preview-${name}`]: { ...previewed, steps: [...previewed.steps, noted] },
    [`apply-${name}`]: job(stack, stack.ci, applySteps(stack), {
      runner,
      if: "github.event_name == 'push'",
      environment: "production",
      permissions: { contents: "read", "id-token": "write" },
      // One after the other, and none is thrown away: each commit is a step that somebody agreed to.
      concurrency: { group: `stack-${name}`, "cancel-in-progress": false },
    }),
    [`drift-${name}`]: { ...drifting, steps: [...drifting.steps, found] },
  };
};

/** The workflow, as a file of `.github/workflows/`. */
export const githubWorkflow = (
  stacks: readonly (CiStack & { readonly ciPreview: string })[],
  runner: string,
): string => {
  const branches = [...new Set(stacks.map(({ branch }) => branch))];
  const text = dump(
    {
      name: "platform",
      on: { pull_request: { branches }, push: { branches }, schedule: [{ cron: "17 * * * *" }] },
      permissions: {},
      jobs: Object.assign({}, ...stacks.map((stack) => jobsOf(stack, runner))),
    },
    { lineWidth: -1, noRefs: true },
  );
  return Object.values(actions).reduce(
    (written, [digest, version]) => written.replaceAll(digest, `${digest} # ${version}`),
    text,
  );
};
