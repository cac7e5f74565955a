// Does a failure of Pulumi, of AWS or of an API server lead to what helps against it? The texts are those that the providers print.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hint } from "../../../commands/pulumi-ways.ts";

const aws = "error: 1 error occurred:\n\t* creating EKS Cluster (acme-production): operation error EKS: CreateCluster";
const failures: readonly (readonly [what: string, output: string, way: RegExp])[] = [
  [
    "expired credentials",
    `${aws}, https response error StatusCode: 403, api error ExpiredTokenException: The security token included in the request is expired`,
    /^sign in again .*aws sts get-caller-identity/,
  ],
  ["an SSO session that ended", "error: the SSO session has expired or is invalid", /^sign in again/],
  [
    "no credentials",
    "error: rpc error: code = Unknown desc = unable to validate AWS credentials. Details: No valid credential sources found",
    /^name who you are: AWS_PROFILE/,
  ],
  [
    "throttling",
    `${aws}, exceeded maximum number of attempts, 25, https response error StatusCode: 400, api error ThrottlingException: Rate exceeded`,
    /^run it again: .*--parallel 4/,
  ],
  [
    "a private endpoint from outside",
    "error: https://ABC.gr7.eu-central-1.eks.amazonaws.com is not reached from here (no connection within 10 s). An endpoint that is private is reached from within its VPC alone.",
    /^run it where the VPC is reached, .*publicAccessCidrs/,
  ],
  [
    "a cluster that a killed run made",
    `${aws}, https response error StatusCode: 409, ResourceInUseException: Cluster already exists with name: acme-production`,
    /^a run that was killed made it: `plumbline pulumi up`/,
  ],
  ["a quota", "api error VpcLimitExceeded: The maximum number of VPCs has been reached.", /^have that quota raised/],
  [
    "a role that may not",
    "api error AccessDenied: User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: rds:CreateDBInstance",
    /^let the role do what is named/,
  ],
  ["an identity that the cluster does not know", "error: configured Kubernetes cluster: Unauthorized", /`identities`/],
  ["a lost state", "error: no stack named 'local' found", /plumbline recover/],
  ["a local cluster that is down", "dial tcp 127.0.0.1:16443: connect: connection refused", /^npm start$/],
  ["anything else", "error: Duplicate resource URN", /^mend what the message names/],
];
for (const [what, output, way] of failures) test(`${what}: the way out`, () => assert.match(hint(output), way));
