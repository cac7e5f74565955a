// How does Argo CD get into a private repository, and whose signatures does it take? A Secret a repository, and lists for all.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { type CredentialsArgs, githubApi, isArtifact, secretData, usualUser } from "../delivery/credentials.ts";
import { keyIds, modeOf, Signed } from "../delivery/verification.ts";
import { type Problem, refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import type { Delivery } from "./agent.ts";
import type { ArgoCd, ArgoCdFacts } from "./argo-cd.ts";
import { partOf } from "./argo-cd-settings.ts";

/** Declares how a repository is read, once a repository. @throws InvalidDeclaration for what can't be had here */
export const accessOf = (argoCd: ArgoCd, facts: ArgoCdFacts, delivery: Delivery): pulumi.Resource[] => {
  const { name, repository, credentials, verify } = delivery;
  const known = facts.access.get(repository);
  refuse(`App ${name}`, [...problemsOf(facts, delivery, known), ...signatureProblems(facts, delivery)]);
  for (const key of verify?.keys ?? []) facts.gitServers.keys.set(keyIds(key)[0] ?? "", key);
  if (known || !credentials) {
    facts.access.set(repository, known ?? { given: credentials, secret: undefined });
    return known?.secret ? [known.secret] : [];
  }
  const { knownHosts, ca } = credentials;
  if (knownHosts !== undefined) facts.gitServers.knownHosts.set(repository, knownHosts);
  if (ca !== undefined) facts.gitServers.authorities.set(new URL(repository).hostname, ca);
  const object = `${isArtifact(repository) ? "oci" : "git"}-${createHash("sha256").update(repository).digest("hex").slice(0, 6)}`;
  const secret = new k8s.core.v1.Secret(
    `${facts.name}-${object}`,
    {
      metadata: {
        name: object,
        namespace: facts.namespace,
        labels: { ...labels("repository"), ...partOf, "argocd.argoproj.io/secret-type": "repository" },
      },
      data: secretData({
        type: isArtifact(repository) ? "oci" : "git",
        url: repository,
        ...fieldsOf(repository, credentials),
      }),
    },
    { parent: argoCd, dependsOn: facts.ready },
  );
  facts.access.set(repository, { given: credentials, secret });
  return [secret];
};

const problemsOf = (
  { gitServers }: ArgoCdFacts,
  { repository, credentials }: Delivery,
  known: { readonly given: CredentialsArgs | undefined } | undefined,
): Problem[] => {
  const value = credentials && Object.keys(credentials);
  if (known) {
    const allowed = `the same value as the other apps of ${repository}`;
    return known.given === credentials ? [] : [{ field: "credentials", value, allowed }];
  }
  const { knownHosts, ca } = credentials ?? {};
  const other = gitServers.authorities.get(new URL(repository).hostname);
  const problems: Problem[] = [];
  if (ca !== undefined && other !== undefined && other !== ca)
    problems.push({
      field: "credentials.ca",
      value: new URL(repository).hostname,
      allowed: "one authority a host with argoCd(): list both of its servers in it",
    });
  if (gitServers.closed && (knownHosts ?? ca) !== undefined)
    problems.push({
      field: "credentials",
      value,
      allowed:
        "with argoCd() declared in the same turn as the agent, without an await between: its list of Git servers is one",
    });
  return problems;
};

/** Argo CD looks at the tag where a tag is followed, and at the commit otherwise. */
const signatureProblems = ({ gitServers }: ArgoCdFacts, { verify, revision }: Delivery): Problem[] => {
  if (!verify) return [];
  const mode = modeOf(verify, revision);
  const looks = "tag" in revision || "semver" in revision ? Signed.Tag : Signed.Head;
  const problems: Problem[] = [];
  if (mode !== looks)
    problems.push({
      field: "verify.mode",
      value: mode,
      allowed: `"${looks}" for this revision with argoCd(); flux() has all`,
    });
  if (gitServers.closed)
    problems.push({
      field: "verify",
      value: mode,
      allowed: "with argoCd() declared in the same turn as the agent: its list of keys is one",
    });
  return problems;
};

/** What a project says of whose signatures it takes: a signature names the key below the person's that made it. */
export const signatureKeysOf = ({ verify }: Delivery): object =>
  verify ? { signatureKeys: verify.keys.flatMap(keyIds).map((keyID) => ({ keyID })) } : {};

const fieldsOf = (
  repository: string,
  { sshKey, token, username = usualUser, githubApp }: CredentialsArgs,
): Record<string, pulumi.Input<string>> => ({
  ...(sshKey !== undefined && { sshPrivateKey: sshKey }),
  ...(token !== undefined && { username, password: token }),
  ...(githubApp && {
    githubAppID: githubApp.id,
    githubAppInstallationID: githubApp.installation,
    githubAppPrivateKey: githubApp.key,
    githubAppEnterpriseBaseUrl: githubApi(repository),
  }),
});
