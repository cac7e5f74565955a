// How do the jobs of CI become a pipeline of GitLab?
import { dump } from "js-yaml";
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

const job = ({ region }: CiStack, role: string, steps: readonly CiStep[], rest: Record<string, unknown>) => ({
  ...rest,
  // Go builds what has no release; the launcher brings its own Node.
  image: "golang:1.26-bookworm",
  // For this job alone, and worth nothing elsewhere.
  id_tokens: { AWS_TOKEN: { aud: "$CI_SERVER_URL" } },
  variables: {
    AWS_REGION: region,
    AWS_ROLE_ARN: role,
    AWS_ROLE_SESSION_NAME: "gitlab-$CI_JOB_ID",
    AWS_WEB_IDENTITY_TOKEN_FILE: "/tmp/aws-token",
  },
  before_script: [
    "umask 077",
    'printf %s "$AWS_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"',
    "apt-get update -qq",
    "apt-get install -qq --no-install-recommends awscli git nodejs npm",
  ],
  script: steps.map(({ run }) => run),
});

// The token of a job may write neither: it is done with that of the project, where there is one.
const tell = (what: "note" | "issue", title: string, file: string, checkout = ""): string =>
  `node ${checkout}launch.mjs gitlab ${what} --title '${title}' --file ${file}`;

const jobsOf = (stack: CiStack & { readonly ciPreview: string }) => {
  const { name, branch } = stack;
  const previewed = job(stack, stack.ciPreview, previewSteps(stack), {
    stage: "preview",
    rules: [
      { if: `$CI_PIPELINE_SOURCE == "merge_request_event" && $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID` },
    ],
    interruptible: true,
    // Where no token may write a comment, the merge request shows the files.
    artifacts: {
      when: "always",
      paths: ["rendered.md", "preview.txt"],
      expose_as: `Preview of ${name}`,
      expire_in: "7 days",
    },
  });
  const got = [
    `git fetch origin +${branch}:refs/remotes/origin/${branch}`,
    // Forced: a runner that keeps its folder has removed the last one, and Git still lists it.
    `git worktree add --force --detach ${judge} origin/${branch}`,
  ];
  return {
    [`preview-${name}`]: {
      ...previewed,
      // All of the history: the commit at which the branches part is what the apps are compared with.
      variables: { ...previewed.variables, GIT_DEPTH: "0" },
      script: [...got, ...previewed.script],
      after_script: [commentOfPreview(stack), tell("note", titles.preview(stack), "comment.md", `${judge}/`)],
    },
    [`apply-${name}`]: job(stack, stack.ci, applySteps(stack), {
      stage: "apply",
      rules: [{ if: `$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "${branch}"` }],
      environment: { name: "production" },
      resource_group: `stack-${name}`,
    }),
    [`drift-${name}`]: job(stack, stack.ci, driftSteps(stack), {
      stage: "drift",
      rules: [{ if: `$CI_PIPELINE_SOURCE == "schedule" && $CI_COMMIT_BRANCH == "${branch}"` }],
      resource_group: `stack-${name}`,
      artifacts: { when: "always", paths: ["drift.txt"], expire_in: "30 days" },
      after_script: [
        '[ "$CI_JOB_STATUS" = failed ] || exit 0',
        textOfDrift,
        tell("issue", titles.drift(stack), "drift.md"),
      ],
    }),
  };
};

/** The pipeline, as `.gitlab-ci.yml`. PULUMI_BACKEND_URL is a variable of the project. */
export const gitlabPipeline = (stacks: readonly (CiStack & { readonly ciPreview: string })[]): string =>
  dump(
    { stages: ["preview", "apply", "drift"], ...Object.assign({}, ...stacks.map(jobsOf)) },
    { lineWidth: -1, noRefs: true },
  );
