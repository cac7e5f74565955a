// Images that somebody else keeps: `pulumi config set --secret registry <token>` before it is brought up.
import * as pulumi from "@pulumi/pulumi";
import { ExternalRegistry } from "../components/index.ts";

const password = new pulumi.Config().requireSecret("registry");
const registry = new ExternalRegistry("registry", { host: "ghcr.io", username: "acme-bot", password });
registry.pullSecret("default", "default", {});

export const { host } = registry;
