// How is a right at AWS written down? Statements of a policy, and roles that a service or the pods of a cluster take.
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import * as pulumi from "@pulumi/pulumi";

/** One statement of a policy. */
export interface Statement {
  readonly sid?: string;
  /** Actions by their full names: a `*` in one is what a reviewer asks about. */
  readonly actions: readonly string[];
  readonly resources: readonly pulumi.Input<string>[];
  /** Who; only where a policy belongs to a resource. */
  readonly principal?: Readonly<Record<string, pulumi.Input<string>>>;
  readonly condition?: Readonly<Record<string, Readonly<Record<string, pulumi.Input<string | string[]>>>>>;
  readonly deny?: true;
}

/** A policy as AWS reads it. */
export const policyDocument = (statements: readonly Statement[]): pulumi.Output<string> =>
  pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map(({ sid, actions, resources, principal, condition, deny }) => ({
      ...(sid && { Sid: sid }),
      Effect: deny ? "Deny" : "Allow",
      ...(principal && { Principal: principal }),
      Action: actions,
      Resource: resources,
      ...(condition && { Condition: condition }),
    })),
  });

/** Who may take a role. */
const trust = (service: string, account: string, tag: boolean): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: service },
        Action: tag ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"],
        // A service acts for the account alone, whoever else talks it into using the role.
        ...(service.startsWith("ec2.") ? {} : { Condition: { StringEquals: { "aws:SourceAccount": account } } }),
      },
    ],
  });

/** A role of a service. */
export interface ServiceRoleArgs {
  /** Name at IAM. */
  readonly name: string;
  readonly account: string;
  /** Who takes it: "eks.amazonaws.com". */
  readonly service: string;
  /** Whether the service tags the session, as Pod Identity and Auto Mode do. Default: false. */
  readonly tagSession?: boolean;
  /** ARNs of policies of AWS or one's own. */
  readonly policies?: readonly string[];
}

/** Declares a role with what it may do; whoever uses it waits for all of it. */
export const serviceRole = (
  name: string,
  { name: called, account, service, tagSession = false, policies = [] }: ServiceRoleArgs,
  opts: pulumi.ComponentResourceOptions,
): { readonly role: Role; readonly ready: pulumi.Resource[] } => {
  const role = new Role(name, { name: called, assumeRolePolicy: trust(service, account, tagSession) }, opts);
  const attached = policies.map(
    (arn) => new RolePolicyAttachment(`${name}-${arn.split("/").at(-1)}`, { role: role.name, policyArn: arn }, opts),
  );
  return { role, ready: [role, ...attached] };
};
