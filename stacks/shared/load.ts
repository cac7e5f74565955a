// Which stacks are there, and what does one declare? For the Pulumi program and for commands that need no engine.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Definition, InvalidDeclaration } from "../../components/index.ts";

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
 * The definition in the file named after a stack; pure data, no engine needed.
 *
 * @throws InvalidDeclaration that lists the stacks there are, or every wrong field with its file
 */
export const loadStack = async (name: string): Promise<Definition> => {
  const names = stackNames();
  if (!names.includes(name)) {
    throw new InvalidDeclaration("stacks", [
      { field: "stack", value: name, allowed: `the name of a file in stacks/: ${names.join(", ")}` },
    ]);
  }
  const file = `stacks/${name}.ts`;
  try {
    const { default: declared } = (await import(`../${name}.ts`)) as { default?: Definition | (() => Definition) };
    const definition = typeof declared === "function" ? declared() : declared;
    if (!definition?.settings || !definition.layers) {
      throw new InvalidDeclaration(file, [
        { field: "default export", value: definition, allowed: "definePlatform({ ... }, { ... })" },
      ]);
    }
    return definition;
  } catch (error) {
    throw error instanceof InvalidDeclaration ? error.in(file) : error;
  }
};
