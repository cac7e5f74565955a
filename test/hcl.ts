// How is a translated configuration written in HCL? Trivy takes nested blocks of the JSON form for plain attributes, and misses them.
import { maps, type translate } from "./opentofu.ts";

const text = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(text).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${JSON.stringify(key)} = ${text(each)}`)
    .join(", ")} }`;
};

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const body = (fields: object): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const blocks = isObject(value)
        ? [value]
        : Array.isArray(value) && value.length > 0 && value.every(isObject)
          ? value
          : undefined;
      if (!blocks || maps.includes(key)) return `${key} = ${text(value)}\n`;
      return blocks.map((block) => `${key} {\n${body(block)}}\n`).join("");
    })
    .join("");

/** The resources of a configuration; its provider is left out. */
export const hcl = ({ resource }: ReturnType<typeof translate>): string =>
  Object.entries(resource)
    .flatMap(([kind, all]) =>
      Object.entries(all).map(([name, fields]) => `resource "${kind}" "${name}" {\n${body(fields as object)}}\n`),
    )
    .join("\n");
