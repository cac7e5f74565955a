// What does a stack say of the receiver of push events, and what follows for the layer of its agent?
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { problemsOf } from "../delivery/app.ts";
import { configuredSecret, unknownHere } from "../delivery/configured.ts";
import { type ConfiguredSecret, inConfiguration } from "../delivery/credentials.ts";
import { type Problem, refuse } from "../problems.ts";
import { type AgentWebhookArgs, webhookName } from "./webhook.ts";

/** What a stack says of the receiver. */
export interface AgentWebhookSettings {
  /** DNS name under which the layer of the slot `ingress` lets it be reached, by HTTPS. Default: its Service alone. */
  host?: string;
  /** Key of the stack's configuration with the secret. Default: one is made, in the Secret `webhook` beside the agent. */
  secret?: ConfiguredSecret;
}

const schema = z.strictObject({
  webhook: z.strictObject({
    host: z
      .string()
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
        'a DNS name such as "hooks.example.com"',
      )
      .exactOptional(),
    secret: inConfiguration.exactOptional(),
  }),
});

/** Characters of the shortest secret: what is shorter can be guessed by whoever has one signed payload. */
const shortest = 16;

/** What of a layer depends on the receiver. @throws InvalidDeclaration that names every wrong field */
export const webhookLayer = (webhook: AgentWebhookSettings | undefined) => {
  if (webhook) refuse("agent", problemsOf(schema.safeParse({ webhook }), { webhook }, "layers.agent"));
  const needs: readonly ("cluster" | "ingress" | "certificates")[] =
    webhook?.host === undefined ? ["cluster"] : ["cluster", "ingress", "certificates"];
  return { needs, ...(webhook && { parts: [webhookName] }) };
};

/** Arguments of the receiver. @throws InvalidDeclaration where the configuration lacks the secret, or has too short a one */
export const webhookArgs = ({ secret }: AgentWebhookSettings): AgentWebhookArgs => {
  if (!secret) return {};
  const problems: Problem[] = [];
  const field = "layers.agent.webhook.secret";
  const known = configuredSecret(secret.config, field, problems);
  if (known !== undefined && known.length < shortest) {
    const value = `${secret.config}, of ${known.length} characters`;
    problems.push({ field, value, allowed: `at least ${shortest} characters: openssl rand -hex 32` });
  }
  refuse("platform", problems);
  return { secret: pulumi.secret(known ?? unknownHere) };
};
