// Who acts at AWS for a cluster? Roles that a service takes, or the pods of a cluster.
import { Role } from "@pulumi/aws/iam/role.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import type * as pulumi from "@pulumi/pulumi";

/** Who may take a role. */
const trust = ({ service, account, sourceArn, tagSession = false }: ServiceRoleArgs): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: service },
        Action: tagSession ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"],
        // A service acts for the account alone, whoever else talks it into using the role.
        ...(service.startsWith("ec2.")
          ? {}
          : {
              Condition: {
                StringEquals: { "aws:SourceAccount": account, ...(sourceArn && { "aws:SourceArn": sourceArn }) },
              },
            }),
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
  /** For whom the service acts: ARN of a cluster. Default: anything of the account. */
  readonly sourceArn?: string;
  /** ARNs of policies of AWS or one's own. */
  readonly policies?: readonly string[];
}

/** Declares a role with what it may do; whoever uses it waits for all of it. */
export const serviceRole = (
  name: string,
  args: ServiceRoleArgs,
  opts: pulumi.ComponentResourceOptions,
): { readonly role: Role; readonly ready: pulumi.Resource[] } => {
  const role = new Role(name, { name: args.name, assumeRolePolicy: trust(args) }, opts);
  const attached = (args.policies ?? []).map(
    (arn) => new RolePolicyAttachment(`${name}-${arn.split("/").at(-1)}`, { role: role.name, policyArn: arn }, opts),
  );
  return { role, ready: [role, ...attached] };
};
