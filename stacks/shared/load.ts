// Which stacks are there, and what does one declare? For the Pulumi program and for commands that need no engine.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { definitionIn, isFleet, stackOf } from "../../components/fleet.ts";
import { type Definition, type Fleet, InvalidDeclaration } from "../../components/index.ts";

const folder = join(import.meta.dirname, "..");

/** Files of the folder that declare no platform. */
const others = ["index.ts", "bootstrap.ts"];

/** Names of the stacks: the files of `stacks/`. */
export const stackNames = (): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !others.includes(entry.name))
    .map((entry) => entry.name.slice(0, -".ts".length))
    .sort();

/**
 * The definition of a stack: what the file named after it declares, or a member of the fleet in it, `<file>.<member>`. Pure data, no engine needed.
 *
 * @throws InvalidDeclaration that lists the stacks there are, or every wrong field with its file
 */
export const loadStack = async (name: string): Promise<Definition> => {
  const { file } = stackOf(name);
  return within(file, async () => definitionIn(await exported(file), name));
};

/** The fleet that a file declares. @throws InvalidDeclaration where it declares none, or a wrong one */
export const loadFleet = async (file: string): Promise<Fleet> =>
  within(file, async () => {
    const found = await exported(file);
    const declared = typeof found === "function" ? found() : found;
    if (isFleet(declared)) return declared;
    throw new InvalidDeclaration(`stacks/${file}.ts`, [
      { field: "default export", value: declared, allowed: "fleet({ clusters, waves, platform })" },
    ]);
  });

const exported = async (file: string): Promise<unknown> =>
  ((await import(`../${file}.ts`)) as { default?: unknown }).default;

const within = async <T>(file: string, read: () => Promise<T>): Promise<T> => {
  const names = stackNames();
  if (!names.includes(file)) {
    throw new InvalidDeclaration("stacks", [
      { field: "stack", value: file, allowed: `the name of a file in stacks/: ${names.join(", ")}` },
    ]);
  }
  try {
    return await read();
  } catch (error) {
    throw error instanceof InvalidDeclaration ? error.in(`stacks/${file}.ts`) : error;
  }
};
