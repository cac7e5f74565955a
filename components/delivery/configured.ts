// What does the configuration of the running stack hold of the secrets that credentials name?
import * as pulumi from "@pulumi/pulumi";
import { type Problem, refuse } from "../problems.ts";
import { type Settings, singleApps, sourceOf } from "../settings.ts";
import { type CredentialsArgs, type CredentialsSettings, configKeys, withSecrets } from "./credentials.ts";
import type { PlainCredentials } from "./git-access.ts";

/** Credentials with what this process knows of their secrets: nothing where it is no Pulumi program. */
export const configured = (credentials: CredentialsSettings | undefined): PlainCredentials | undefined => {
  const config = new pulumi.Config();
  return credentials && withSecrets(credentials, ({ config: key }) => config.get(key));
};

/**
 * A secret of the configuration.
 *
 * A preview without it goes on, with a warning: whoever previews a pull request may open no secret.
 *
 * @param field where it is named, as a problem says it
 * @param problems takes what is wrong: a key which the configuration lacks, or holds for everybody to read
 */
export const configuredSecret = (key: string, field: string, problems: Problem[]): string | undefined => {
  const config = new pulumi.Config();
  // Which keys are encrypted, a program that the CLI runs is told.
  const encrypted = process.env.PULUMI_CONFIG_SECRET_KEYS;
  const isPlain = encrypted !== undefined && !(JSON.parse(encrypted) as string[]).includes(`${config.name}:${key}`);
  const known = config.get(key);
  if (known !== undefined && !isPlain) return known;
  const allowed = `a secret of the stack's configuration: pulumi config set --secret ${config.name}:${key}`;
  if (known === undefined && pulumi.runtime.isDryRun())
    pulumi.log.warn(`${field}: ${config.name}:${key} is missing, ${allowed}`);
  else problems.push({ field, value: known && `${config.name}:${key}, which everybody may read`, allowed });
  return known;
};

/** What stands in a preview for a secret that this machine does not have. */
export const unknownHere = "not known here";

/**
 * How the agent gets into each private repository of a platform, by its URL.
 *
 * @throws InvalidDeclaration that names each key which the configuration lacks, or holds for everybody to read
 */
export const credentialsOf = (settings: Settings): ReadonlyMap<string, CredentialsArgs> => {
  const problems: Problem[] = [];
  const found = new Map<string, CredentialsArgs>();
  for (const { name, source } of singleApps(settings)) {
    const { url, credentials } = sourceOf(settings, source);
    if (!credentials || found.has(url)) continue;
    const known = new Map(
      configKeys(credentials).map(([field, key]) => [
        key,
        configuredSecret(key, `settings.apps.${name}: credentials.${field}`, problems),
      ]),
    );
    found.set(
      url,
      withSecrets(credentials, ({ config: key }): pulumi.Input<string> => pulumi.secret(known.get(key) ?? unknownHere)),
    );
  }
  refuse("platform", problems);
  return found;
};
