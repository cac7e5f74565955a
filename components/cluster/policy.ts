// How is a right at AWS written down?
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
