// How does a private repository let its readers in? A key for SSH, a token or a GitHub App for HTTPS, and who signed its server.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Problem } from "../problems.ts";

/** A GitHub App that is installed where the repository is. */
export interface GithubAppArgs {
  /** Its identifier. */
  id: string;
  /** Identifier of the installation. */
  installation: string;
  /** Its private key, PEM. A secret. */
  key: pulumi.Input<string>;
}

/** How an agent gets into a repository that is not for everybody, or whose server no public authority signed. */
export interface CredentialsArgs {
  /** Private key for an SSH URL, as ssh-keygen writes it, without a passphrase. A secret. Default: none. */
  sshKey?: pulumi.Input<string>;
  /** The keys of an SSH server, as lines of `known_hosts`. Default: none; needed with `sshKey`. */
  knownHosts?: string;
  /** Token or password for an HTTPS URL. A secret. Default: none. */
  token?: pulumi.Input<string>;
  /** Whose token it is. Default: "git", which servers that know the token by itself take. */
  username?: string;
  /** GitHub App for an HTTPS URL, instead of a token. Default: none. */
  githubApp?: GithubAppArgs;
  /** Authority that signed the certificate of an HTTPS server, PEM. Default: the public ones. */
  ca?: string;
}

/** Where a secret stands. */
export const inConfiguration = z.strictObject(
  { config: z.string().regex(/^[A-Za-z][\w.-]*$/, 'the name of a key, as "gitToken"') },
  'where the secret stands: { config: "gitToken" }, a key of the stack\'s configuration; never the secret itself',
);
const pem = z
  .string()
  .regex(/^\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, "certificates, PEM");

/** Credentials as a stack file declares them: each secret by the key of the stack's configuration. */
export const credentialsSchema = z.strictObject({
  sshKey: inConfiguration.exactOptional(),
  knownHosts: z
    .string()
    .regex(/^\s*\S+ \S+ \S+/, 'lines of known_hosts, as "git.example.com ssh-ed25519 AAAA…": ssh-keyscan prints them')
    .exactOptional(),
  token: inConfiguration.exactOptional(),
  username: z.string().min(1, "whose token it is").exactOptional(),
  githubApp: z
    .strictObject({
      id: z.string().regex(/^[0-9]+$/, "its identifier, a number as a text"),
      installation: z.string().regex(/^[0-9]+$/, "the identifier of the installation, a number as a text"),
      key: inConfiguration,
    })
    .exactOptional(),
  ca: pem.exactOptional(),
});

/** Where a secret stands. */
export interface ConfiguredSecret {
  /** Key of the stack's configuration: "gitToken". */
  readonly config: string;
}

/** Credentials as a stack file declares them. */
export type CredentialsSettings = CredentialsOf<ConfiguredSecret>;

/** Whether a repository is one of a registry: its artifacts are delivered, and not commits. */
export const isArtifact = (repository: string): boolean => repository.startsWith("oci://");

type Given = CredentialsSettings | CredentialsArgs | undefined;

/** What of credentials and the URL of a repository does not fit together; no secret is in it. */
export const credentialsProblems = (repository: string, credentials: Given, field: string): Problem[] => {
  const url = new URL(repository);
  const problems: Problem[] = [];
  const wrong = (name: string, allowed: string, value: unknown = "something") =>
    problems.push({ field: name ? `${field}.${name}` : field, value, allowed });
  if (url.password) wrong("", "a URL without a password: it would stand in Git; credentials.token names one");
  const given = Object.keys(credentials ?? {}) as (keyof CredentialsArgs)[];
  const not = (names: readonly (keyof CredentialsArgs)[], allowed: string) => {
    for (const name of given) if (names.includes(name)) wrong(name, allowed);
  };
  if (url.protocol === "ssh:") {
    not(["token", "username", "githubApp", "ca"], "with an ssh URL only sshKey and knownHosts");
    for (const name of ["sshKey", "knownHosts"] as const)
      if (!given.includes(name))
        wrong(name, "both sshKey and knownHosts, without which no agent opens an ssh URL", undefined);
    if (!url.username) wrong("", "an ssh URL with its user, as ssh://git@git.example.com/platform.git", repository);
    return problems;
  }
  not(["sshKey", "knownHosts"], "only with an ssh URL");
  if (isArtifact(repository)) not(["githubApp"], "a token and its username with a registry");
  if (url.protocol === "http:")
    not(["token", "username", "githubApp", "ca"], "only with an https URL: http is read on its way");
  if (given.includes("token") && given.includes("githubApp")) wrong("githubApp", "a token or a GitHub App, not both");
  if (given.includes("username") && !given.includes("token")) wrong("username", "only with a token");
  return problems;
};

/** The secrets that credentials name: the field, and its key of the configuration. */
export const configKeys = ({ sshKey, token, githubApp }: CredentialsSettings): (readonly [string, string])[] =>
  Object.entries({ sshKey, token, "githubApp.key": githubApp?.key }).flatMap(([field, secret]) =>
    secret ? [[field, secret.config] as const] : [],
  );

/** Credentials with secrets of one form; the fields are those of {@link CredentialsArgs}. */
export interface CredentialsOf<Secret> {
  readonly sshKey?: Secret;
  readonly knownHosts?: string;
  readonly token?: Secret;
  readonly username?: string;
  readonly githubApp?: { readonly id: string; readonly installation: string; readonly key: Secret };
  readonly ca?: string;
}

/** Credentials with what `read` makes of each secret in its place. */
export const withSecrets = <From, To>(
  { sshKey, token, githubApp, ...open }: CredentialsOf<From>,
  read: (secret: From) => To,
): CredentialsOf<To> => ({
  ...open,
  ...(sshKey !== undefined && { sshKey: read(sshKey) }),
  ...(token !== undefined && { token: read(token) }),
  ...(githubApp && { githubApp: { ...githubApp, key: read(githubApp.key) } }),
});

/** The same with its secrets marked as such: a state keeps them encrypted, whoever gave them. */
export const secretly = (credentials: CredentialsArgs): CredentialsArgs =>
  withSecrets(credentials, (secret: pulumi.Input<string>): pulumi.Input<string> => pulumi.secret(secret));

/** What a Secret of the cluster holds. */
export const secretData = (
  fields: Readonly<Record<string, pulumi.Input<string>>>,
): pulumi.Output<Record<string, string>> =>
  pulumi.secret(
    pulumi
      .output(fields)
      .apply((known) =>
        Object.fromEntries(Object.entries(known).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
      ),
  );

/** Whose token it is, where nobody says. */
export const usualUser = "git";

/** Address of GitHub's API for the host of a repository: an enterprise server has its own. */
export const githubApi = (repository: string): string => {
  const { host } = new URL(repository);
  return host === "github.com" ? "https://api.github.com" : `https://${host}/api/v3`;
};
