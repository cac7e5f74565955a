// What must be at AWS before the first stack? A bucket for its state, a key for its secrets, and roles that CI takes without a key.
import { OpenIdConnectProvider } from "@pulumi/aws/iam/openIdConnectProvider.js";
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import { Provider as AwsProvider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { privateBucket } from "../cluster/eks-cloud.ts";
import { ownKey } from "../cluster/eks-keys.ts";
import { partitionOf, regionNames } from "../cluster/eks-regions.ts";
import { policyDocument } from "../cluster/policy.ts";
import { problemsOf } from "../delivery/app.ts";
import { type Problem, refuse } from "../problems.ts";
import { applyRights, decryptState, readState, writeState } from "./rights.ts";

/** Jobs of GitHub Actions that may act at AWS. */
export interface GithubArgs {
  /** Repository: "acme/platform". */
  repository: string;
  /**
   * Environment of GitHub whose jobs apply; its own rules bind it to the protected branch, and may ask somebody. Default:
   * "production".
   */
  environment?: string;
}

/** Jobs of GitLab CI that may act at AWS. */
export interface GitlabArgs {
  /** Project with its groups: "acme/platform". */
  project: string;
  /** Protected branch whose jobs apply. Default: "main". */
  branch?: string;
  /** URL of the instance. Default: "https://gitlab.com". */
  url?: string;
}

/** Arguments of {@link AwsBootstrap}; one of `github` and `gitlab` says whose jobs act. */
export interface AwsBootstrapArgs {
  /** Region of state and clusters: "eu-central-1". */
  region: string;
  /** Account that it stands in, 12 digits: calls to another one are refused. */
  account: string;
  /** Begins every name at AWS, and the names of clusters that CI may make. Default: the component's name. */
  name?: string;
  /** Exactly one of `github` and `gitlab`. */
  github?: GithubArgs;
  /** Exactly one of `github` and `gitlab`. */
  gitlab?: GitlabArgs;
}

const schema = z.strictObject({
  region: z.enum(regionNames as string[], `a region of AWS: ${regionNames.join(", ")}`),
  account: z.string().regex(/^\d{12}$/, "the 12 digits of an account"),
  name: z.string().exactOptional(),
  github: z
    .strictObject({
      repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/, '"owner/repository", without a wildcard'),
      environment: z
        .string()
        .regex(/^[\w.-]+$/, "name of an environment: a-z, A-Z, 0-9, -, _ and .")
        .exactOptional(),
    })
    .exactOptional(),
  gitlab: z
    .strictObject({
      project: z.string().regex(/^[\w.-]+(\/[\w.-]+)+$/, '"group/project", without a wildcard'),
      branch: z
        .string()
        .regex(/^[\w./-]+$/, "name of a branch, without a wildcard")
        .exactOptional(),
      url: z
        .string()
        .regex(/^https:\/\/[\w.-]+$/, 'URL of an instance: "https://gitlab.example.com"')
        .exactOptional(),
    })
    .exactOptional(),
});

const problems = (component: string, args: AwsBootstrapArgs): Problem[] => {
  const name = args.name ?? component;
  return [
    ...problemsOf(schema.safeParse(args), args, ""),
    ...(/^[a-z][-a-z0-9]{0,19}$/.test(name)
      ? []
      : [{ field: "name", value: name, allowed: "1 to 20 of a-z, 0-9 and -, starting with a letter" }]),
    ...((args.github === undefined) === (args.gitlab === undefined)
      ? [
          {
            field: "github",
            value: args.github ? "github and gitlab" : "neither github nor gitlab",
            allowed: "one of github and gitlab",
          },
        ]
      : []),
  ];
};

/** Who gives jobs their tokens, and what a token of each kind of job says of whom it is about. */
const issuerOf = ({ github, gitlab }: AwsBootstrapArgs) => {
  if (github) {
    const { repository, environment = "production" } = github;
    return {
      host: "token.actions.githubusercontent.com",
      audience: "sts.amazonaws.com",
      apply: `repo:${repository}:environment:${environment}`,
      preview: `repo:${repository}:pull_request`,
    };
  }
  const { project = "", branch = "main", url = "https://gitlab.com" } = gitlab ?? {};
  return {
    host: url.replace("https://", ""),
    audience: url,
    apply: `project_path:${project}:ref_type:branch:ref:${branch}`,
    // Pipelines of merge requests run on branches of any name.
    preview: `project_path:${project}:ref_type:branch:ref:*`,
  };
};

/**
 * What an account needs before its first stack: a bucket for state, private, versioned and encrypted; a key for secrets in
 * it; and the roles `ci` and `ci-preview`, which jobs of one repository take by a token of minutes.
 *
 * @example
 * new AwsBootstrap("acme", { region: "eu-central-1", account: "123456789012", github: { repository: "acme/platform" } });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class AwsBootstrap extends pulumi.ComponentResource {
  /** What `PULUMI_BACKEND_URL` is. */
  readonly backend: pulumi.Output<string>;
  /** What `pulumi stack init --secrets-provider` is given. */
  readonly secretsProvider: pulumi.Output<string>;
  /** ARN of the role that applies. */
  readonly ci: pulumi.Output<string>;
  /** ARN of the role that previews. */
  readonly ciPreview: pulumi.Output<string>;

  constructor(name: string, args: AwsBootstrapArgs, opts: pulumi.ComponentResourceOptions = {}) {
    refuse(`AwsBootstrap ${name}`, problems(name, args));
    super("plumbline:index:AwsBootstrap", name, { ...args }, opts);
    const { region, account, name: prefix = name } = args;
    const aws = new AwsProvider(
      `${name}-aws`,
      { region, allowedAccountIds: [account], defaultTags: { tags: { "plumbline.dev/bootstrap": prefix } } },
      { parent: this },
    );
    const placed = { parent: this, provider: aws };
    const bucket = `${prefix}-state-${account}-${region}`;
    // A state that was overwritten or lost is brought back from here.
    const state = privateBucket(`${name}-state`, { bucket, account, region, kept: 90 }, placed);
    const secrets = ownKey(
      `${name}-secrets`,
      { account, region, alias: `${prefix}-secrets`, description: `Secrets in the state of ${prefix}` },
      [],
      { ...placed, retainOnDelete: true },
    );

    const issuer = issuerOf(args);
    const provider = new OpenIdConnectProvider(
      `${name}-issuer`,
      { url: `https://${issuer.host}`, clientIdLists: [issuer.audience] },
      placed,
    );
    const [audience, about] = [`${issuer.host}:aud`, `${issuer.host}:sub`];
    const taken = (suffix: string, subject: string) =>
      new Role(
        `${name}-${suffix}`,
        {
          name: `${prefix}-${suffix}`,
          maxSessionDuration: 3600,
          assumeRolePolicy: pulumi.jsonStringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Principal: { Federated: provider.arn },
                Action: ["sts:AssumeRoleWithWebIdentity"],
                Condition: subject.includes("*")
                  ? { StringEquals: { [audience]: issuer.audience }, StringLike: { [about]: subject } }
                  : { StringEquals: { [audience]: issuer.audience, [about]: subject } },
              },
            ],
          }),
        },
        placed,
      );
    const ci = taken("ci", issuer.apply);
    const ciPreview = taken("ci-preview", issuer.preview);
    const grant = (suffix: string, role: Role, statements: Parameters<typeof policyDocument>[0]) =>
      new RolePolicy(
        `${name}-${suffix}`,
        { name: suffix, role: role.name, policy: policyDocument(statements) },
        placed,
      );
    grant("state", ci, [...writeState(state), decryptState(secrets.key.arn)]);
    grant("apply", ci, applyRights({ prefix, account, region }));
    grant("read", ciPreview, readState(state));
    // What is there, and none of what is in it.
    new RolePolicyAttachment(
      `${name}-ci-preview`,
      { role: ciPreview.name, policyArn: `arn:${partitionOf(region)}:iam::aws:policy/SecurityAudit` },
      placed,
    );

    this.backend = pulumi.output(`s3://${bucket}?region=${region}`);
    this.secretsProvider = pulumi.output(`awskms://alias/${prefix}-secrets?region=${region}`);
    this.ci = ci.arn;
    this.ciPreview = ciPreview.arn;
    this.registerOutputs({
      backend: this.backend,
      secretsProvider: this.secretsProvider,
      ci: this.ci,
      ciPreview: this.ciPreview,
    });
  }
}
