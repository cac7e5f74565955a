// How are values of TypeScript written in CEL?

/** A string, list or map as a CEL literal. */
export const literal = (value: string | readonly string[] | Readonly<Record<string, readonly string[]>>): string => {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((each) => literal(each)).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, each]) => `${literal(key)}: ${literal(each)}`)
    .join(", ")}}`;
};

/** All, or any, of some conditions; each in brackets of its own. */
export const every = (...conditions: string[]): string => conditions.map((each) => `(${each})`).join(" && ");
export const some = (...conditions: string[]): string => conditions.map((each) => `(${each})`).join(" || ");

/** A named part of an expression; later ones may use earlier ones as `variables.<name>`. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}
