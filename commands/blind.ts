// `plumbline blind`: a state without its secrets, so that a pull request is previewed by somebody who may not open them.
import { text } from "node:stream/consumers";
import { Failure } from "./failure.ts";

/** Key and value by which Pulumi marks a secret in a state. */
const mark = "4dabf18193072939515e22adb298388d";
const isSecret = "1b47061264138c4ac30d75fd1eb44270";
/** What stands for each secret: a plain text, since Pulumi encrypts every secret that it reads, and there is no key here. */
const hidden = "hidden by plumbline blind";

const without = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(without);
  if (value === null || typeof value !== "object") return value;
  if ((value as Record<string, unknown>)[mark] === isSecret) return hidden;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, without(each)]));
};

interface State {
  readonly version?: unknown;
  /** What in it an older Pulumi would not understand; since version 4. */
  readonly features?: readonly string[];
  /** As `pulumi stack export` writes it. */
  readonly deployment?: Record<string, unknown>;
  /** As a bucket or a folder holds it. */
  readonly checkpoint?: { readonly latest?: Record<string, unknown> };
}

/**
 * A state as `pulumi stack import` takes it, in which each secret is replaced, and nothing says with which key they were
 * encrypted: no key is asked for when it is read.
 *
 * @throws Failure where it is no state of version 3 or 4
 */
export const blinded = (json: string): string => {
  const wayOut = "give it .pulumi/stacks/<project>/<stack>.json of the backend, or what `pulumi stack export` prints";
  const failure = (why: string) => new Failure("NO_STATE", `What was read is no state of Pulumi: ${why}.`, { wayOut });
  let state: State;
  try {
    state = JSON.parse(json) as State;
  } catch (error) {
    throw failure((error as Error).message);
  }
  const deployment = state?.deployment ?? state?.checkpoint?.latest;
  if (!deployment) throw failure("it has neither a deployment nor a checkpoint");
  const { version, features } = state;
  if (version !== 3 && version !== 4) throw failure(`its version is ${JSON.stringify(version)}, and 3 and 4 are known`);
  const { secrets_providers: _, ...rest } = deployment;
  return JSON.stringify({ version, ...(features && { features }), deployment: without(rest) });
};

/** Reads a state from standard input, and writes the blinded one to standard output. */
export const blind = async (): Promise<void> => {
  process.stdout.write(`${blinded(await text(process.stdin))}\n`);
};
