// What do the jobs of CI run, whoever runs them? Shell, a list of steps a job.

import type { CloudRoles, Definition } from "../components/index.ts";
import { InvalidDeclaration } from "../components/index.ts";
import { versions } from "../engine/versions.ts";

/** A stack that CI applies. */
export interface CiStack extends CloudRoles {
  readonly name: string;
  /** Protected branch that it follows. */
  readonly branch: string;
}

/** One step: what people read in the log, and a shell script that fails with its first command. */
export interface CiStep {
  readonly name: string;
  readonly run: string;
}

/** Checkout of the protected branch, beside that of a pull request: what judges comes from there. */
export const judge = "protected";

/**
 * What CI needs to know of a stack.
 *
 * @throws InvalidDeclaration where CI has no role at the cloud of its cluster, or none to preview with
 */
export const ciStackOf = (name: string, { settings }: Definition): CiStack & { readonly ciPreview: string } => {
  const { roles, implementation } = settings.cluster;
  if (!roles?.ciPreview) {
    throw new InvalidDeclaration(`stacks/${name}.ts`, [
      {
        field: roles ? "settings.cluster.identities.ciPreview" : "settings.cluster",
        value: roles ? undefined : implementation,
        allowed: roles ? "the role that previews pull requests" : "a cluster that CI reaches by a role: eks({ ... })",
      },
    ]);
  }
  return { name, branch: settings.git.branch, ...roles, ciPreview: roles.ciPreview };
};

const shell = (...lines: string[]): string => `${lines.join("\n")}\n`;

// Not by npx, which installs the clone into a cache of its own first.
const plumbline = "node launch.mjs";

const tools = ({ name }: CiStack): CiStep => ({
  name: "Get the programs of the stack",
  run: shell(
    `${plumbline} get --stack ${name}`,
    `${plumbline} pulumi plugin install resource aws ${versions["pulumi-aws"]}`,
  ),
});

/**
 * A pull request: what its commits change in the apps of this repository, in `rendered.md`, and in the stack, judged by the
 * rules of the protected branch, in `preview.txt`. The history must be there, and the branch as `origin/<branch>`.
 */
export const previewSteps = (stack: CiStack): CiStep[] => [
  tools(stack),
  { name: "Get what judges", run: shell(`node ${judge}/launch.mjs --prepare`) },
  {
    name: "Render the apps",
    run: shell(
      `from=$(git merge-base HEAD origin/${stack.branch})`,
      `${plumbline} diff --stack ${stack.name} --repository . --from "$from" --to HEAD --output markdown > rendered.md || changed=$?`,
      "cat rendered.md",
      // 2: there are differences.
      `[ "\${changed:-0}" -eq 0 ] || [ "$changed" -eq 2 ]`,
    ),
  },
  {
    name: "Preview",
    // A copy of the state without secrets, since this job may open none; the original is only read.
    run: shell(
      `aws s3 cp "\${PULUMI_BACKEND_URL%%\\?*}/.pulumi/stacks/plumbline/${stack.name}.json" - | ${plumbline} blind > blind.json`,
      'mkdir -p "$PWD/.plumbline/preview"',
      'export PULUMI_BACKEND_URL="file://$PWD/.plumbline/preview" PULUMI_CONFIG_PASSPHRASE=preview',
      `rm -f stacks/config/Pulumi.${stack.name}.yaml`,
      `${plumbline} pulumi stack init ${stack.name}`,
      `${plumbline} pulumi stack import --file blind.json`,
      `${plumbline} pulumi preview --stack ${stack.name} --diff --policy-pack ${judge}/policies > preview.txt 2>&1 || failed=$?`,
      "cat preview.txt",
      `exit "\${failed:-0}"`,
    ),
  },
];

/** After the merge. */
export const applySteps = (stack: CiStack): CiStep[] => [
  tools(stack),
  {
    name: "Apply",
    run: shell(`${plumbline} pulumi up --stack ${stack.name} --yes --skip-preview --policy-pack policies`),
  },
];

/** Every hour: whether anything is otherwise than Git says, in `drift.txt`: what strangers added to objects too, which Pulumi's own look leaves out. */
export const driftSteps = (stack: CiStack): CiStep[] => [
  tools(stack),
  {
    name: "Look for drift",
    run: shell(
      `${plumbline} drift --stack ${stack.name} > drift.txt 2>&1 || failed=$?`,
      "cat drift.txt",
      `exit "\${failed:-0}"`,
    ),
  },
];

/** Titles of what is written for people. */
export const titles = {
  preview: ({ name }: CiStack): string => `Preview of ${name}`,
  drift: ({ name }: CiStack): string => `Drift of ${name}`,
};

/** Makes `comment.md` of what a preview found. A comment of GitHub takes 65536 characters, and what Pulumi found is at the end of what it says. */
export const commentOfPreview = (stack: CiStack): string =>
  shell(
    "touch rendered.md preview.txt",
    `{ echo '${titles.preview(stack)}'; echo; head -c 20000 rendered.md; echo; echo '\`\`\`'; tail -c 40000 preview.txt; echo; echo '\`\`\`'; } > comment.md`,
  );

/** Makes `drift.md` of what a drift check found. */
export const textOfDrift: string = shell(
  "touch drift.txt",
  "{ echo '```'; tail -c 60000 drift.txt; echo; echo '```'; } > drift.md",
);
