// What does Pulumi run? The platform of the file that is named after the stack.
import * as pulumi from "@pulumi/pulumi";
import { Platform } from "../components/index.ts";
import { loadStack } from "./shared/load.ts";

export default async function main(): Promise<void> {
  new Platform(await loadStack(pulumi.getStack()));
}
