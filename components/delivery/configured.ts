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
 * How the agent gets into each private repository of a platform, by its URL.
 *
 * A preview without the configuration goes on: whoever previews a pull request may open no secret.
 *
 * @throws InvalidDeclaration that names each key which the configuration lacks, or holds for everybody to read
 */
export const credentialsOf = (settings: Settings): ReadonlyMap<string, CredentialsArgs> => {
  const config = new pulumi.Config();
  // Which keys are encrypted, a program that the CLI runs is told.
  const encrypted = process.env.PULUMI_CONFIG_SECRET_KEYS;
  const isPlain = (key: string) =>
    encrypted !== undefined && !(JSON.parse(encrypted) as string[]).includes(`${config.name}:${key}`);
  const problems: Problem[] = [];
  const found = new Map<string, CredentialsArgs>();
  for (const { name, source } of singleApps(settings)) {
    const { url, credentials } = sourceOf(settings, source);
    if (!credentials || found.has(url)) continue;
    for (const [field, key] of configKeys(credentials)) {
      const missing = config.get(key) === undefined;
      if (!missing && !isPlain(key)) continue;
      const allowed = `a secret of the stack's configuration: pulumi config set --secret ${config.name}:${key}`;
      const value = missing ? undefined : `${config.name}:${key}, which everybody may read`;
      if (missing && pulumi.runtime.isDryRun())
        pulumi.log.warn(`app "${name}": ${config.name}:${key} is missing, ${allowed}`);
      else problems.push({ field: `settings.apps.${name}: credentials.${field}`, value, allowed });
    }
    found.set(
      url,
      withSecrets(
        credentials,
        ({ config: key }): pulumi.Input<string> => pulumi.secret(config.get(key) ?? "not known here"),
      ),
    );
  }
  refuse("platform", problems);
  return found;
};
