// What can be done about what Pulumi and its providers say? Each row is a kind of failure; the first that fits counts.

/** What is said, in the words of Pulumi, of AWS or of an API server, and what helps. */
const ways: readonly (readonly [said: RegExp, wayOut: string])[] = [
  [
    /incorrect passphrase/,
    "the passphrase does not fit this state: restore .plumbline/pulumi/passphrase, or `npm stop` to begin anew",
  ],
  [
    /no stack named|failed to load checkpoint|snapshot integrity/,
    "`plumbline recover` tells what is left of the state, and makes it anew",
  ],
  [/the stack is currently locked/, "wait for the other run, or `plumbline pulumi cancel`"],
  [
    /ExpiredToken|RequestExpired|token included in the request is expired|(SSO session|token) has expired/i,
    "sign in again (`aws sso login`, or a new job, whose token lasts an hour), see who you are (`aws sts get-caller-identity`), and run it again: it goes on",
  ],
  [
    /no valid credential sources|NoCredentialProviders|failed to refresh cached credentials|InvalidClientTokenId|UnrecognizedClientException/i,
    "name who you are: AWS_PROFILE, or in CI the role of the job; `aws sts get-caller-identity` tells",
  ],
  [
    /Throttling|ThrottledException|RequestLimitExceeded|TooManyRequestsException|SlowDown|Rate exceeded/,
    "run it again: what was made stays. AWS puts off an account that asks too often: `--parallel 4`, and one run at a time",
  ],
  [
    /is not reached from here/,
    "run it where the VPC is reached, or let this address in by publicAccessCidrs: the message names the ways",
  ],
  [
    /(Cluster|NodeGroup|Addon)[^.\n]* already exists|ResourceInUseException|EntityAlreadyExists|BucketAlreadyOwnedByYou/,
    "a run that was killed made it: `plumbline pulumi up` takes in what it left, and else `pulumi import` does",
  ],
  [
    /LimitExceeded|QuotaExceeded|InsufficientInstanceCapacity/,
    "have that quota raised (Service Quotas), or ask for another type, size or zone",
  ],
  [
    /AccessDenied|UnauthorizedOperation|is not authorized to perform/,
    "let the role do what is named (`stacks/bootstrap.ts` gives CI its rights), or run it as one that may",
  ],
  [
    /the server has asked for the client to provide credentials|(^|[^\w])Unauthorized([^\w]|$)/m,
    "the cluster does not know who asks: add the role to `identities` of the cluster, or run it as one that is there",
  ],
  [/pending_operations|pending operations/, "plumbline pulumi refresh --run-program --yes"],
  [/ENOSPC|no space left/, "free some disk space and run the command again"],
  [/connection refused|unreachable/, "npm start"],
];

const known = (output: string): string | undefined => ways.find(([said]) => said.test(output))?.[1];

/** What helps against a failed run, by the end of its output. */
export const hint = (output: string): string =>
  known(output) ?? "mend what the message names and run the command again";

/** Tells it behind what a failed run has printed itself; nothing where its own words must do. */
export const tellWayOut = (output: string): void => {
  const way = process.exitCode ? known(output) : undefined;
  if (way) process.stderr.write(`\n  way out: ${way}\n`);
};
