// What does Pulumi run? The platform of the file that is named after the stack, or a member of the fleet in it: `fleet.eu-1`.
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { discover, Platform } from "../components/index.ts";
import { keepSecrets } from "./shared/kept.ts";
import { loadStack } from "./shared/load.ts";

export default async function main(): Promise<Record<string, unknown> | undefined> {
  const stack = pulumi.getStack();
  // It makes what every other stack stands on, and is no platform.
  if (stack === "bootstrap") return (await import("./bootstrap.ts")).default();
  process.env.PLUMBLINE_LOCK ||= join(import.meta.dirname, `${stack}.lock.yaml`);
  keepSecrets();
  new Platform(await discover(await loadStack(stack)));
  return undefined;
}
