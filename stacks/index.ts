// What does Pulumi run? The platform of the file that is named after the stack.
import * as pulumi from "@pulumi/pulumi";
import { discover, Platform } from "../components/index.ts";
import { loadStack } from "./shared/load.ts";

export default async function main(): Promise<void> {
  new Platform(await discover(await loadStack(pulumi.getStack())));
}
