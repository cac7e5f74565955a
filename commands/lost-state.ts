// Can Pulumi's state of a stack be read, and is it whole? A missing one, a truncated one and one with holes are told apart.
import { access, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stateLayout } from "../engine/folders.ts";
import { Failure } from "./failure.ts";
import { runPulumi } from "./pulumi.ts";

/** What there is of a state. */
export type StateCondition =
  | { readonly is: "whole"; readonly resources: number }
  /** `missing`: no stack of that name. `empty`: one that holds nothing. `damaged`: one that can't be read, or has holes. */
  | { readonly is: "missing" | "empty" | "damaged"; readonly why: string };

/** @throws Failure of Pulumi where it is neither missing nor damaged, such as a wrong passphrase */
export const stateCondition = async (stack: string, env: Record<string, string>): Promise<StateCondition> => {
  try {
    return conditionOf((await runPulumi(["stack", "export", "--stack", stack], env)).stdout);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (/no stack named/.test(error.message)) return { is: "missing", why: "the backend has no state of it" };
    const [, why] = error.message.match(/failed to load checkpoint: (.*)/) ?? [];
    if (why === undefined) throw error;
    return { is: "damaged", why };
  }
};

interface Resource {
  readonly urn: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
}

/** What an exported state is. Exported for tests. */
export const conditionOf = (exported: string): StateCondition => {
  const { deployment } = JSON.parse(exported) as { deployment?: { resources?: readonly Resource[] } | null };
  const resources = deployment?.resources ?? [];
  const last = resources.at(-1)?.urn.split("::").at(-2);
  if (resources.length === 0 || (resources.length === 1 && last === "pulumi:pulumi:Stack"))
    return { is: "empty", why: "it holds no resource" };
  const there = new Set(resources.map(({ urn }) => urn));
  for (const { urn, parent, provider, dependencies } of resources) {
    // A provider is named by its URN and its id.
    const named = [parent, provider?.replace(/::[^:]*$/, ""), ...(dependencies ?? [])];
    const lost = named.find((each) => each && !there.has(each));
    if (lost) return { is: "damaged", why: `${nameOf(urn)} needs ${nameOf(lost)}, which is not in it` };
  }
  return { is: "whole", resources: resources.length };
};

const nameOf = (urn: string): string => urn.split("::").slice(2).join(" ");

/**
 * Takes what is left of a state out of Pulumi's way, and keeps it: its secrets are encrypted, and its history may tell something.
 *
 * @returns the file where it lies now; undefined where nothing was there
 */
export const setAside = async (
  stack: string,
  state: string,
  env: Record<string, string>,
): Promise<string | undefined> => {
  const url = env.PULUMI_BACKEND_URL ?? "";
  if (!url.startsWith("file:")) {
    throw new Failure("STATE_DAMAGED", `The state of stack ${stack} is damaged, and lies in ${url}.`, {
      wayOut: "bring back the version before: docs/production.md, When something is lost",
    });
  }
  const file = join(fileURLToPath(new URL(url)), ".pulumi", "stacks", "plumbline", `${stack}.json`);
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  const folder = join(stateLayout(state).pulumi, "damaged");
  const kept = join(folder, `${stack}-${new Date().toISOString().replaceAll(":", "")}.json`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(file, kept);
  return kept;
};
