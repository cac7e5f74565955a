// Which Secrets that were made by chance does a cluster have already? A state that was lost can't tell: whoever makes it anew does.
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";

/** Data of Secrets by `namespace/name`. */
export type KeptSecrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The variable with the file that holds them, for the one run that makes a state anew. */
export const keptSecretsVariable = "PLUMBLINE_KEPT_SECRETS";

/**
 * Gives those Secrets the data that the cluster has: each run of a program makes other passwords and keys, and leaves what the
 * state has of them. Without a state, everybody who knows the old ones would be shut out, and what they encrypt be lost.
 */
export const keepSecrets = (): void => {
  const file = process.env[keptSecretsVariable];
  if (!file) return;
  const kept = JSON.parse(readFileSync(file, "utf8")) as KeptSecrets;
  pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
    if (type !== "kubernetes:core/v1:Secret" || !opts.ignoreChanges?.includes("data")) return undefined;
    const data = pulumi
      .all([props.metadata, props.data])
      .apply(([metadata, made]) => kept[`${metadata?.namespace}/${metadata?.name}`] ?? made);
    return { props: { ...props, data: pulumi.secret(data) }, opts };
  });
};
