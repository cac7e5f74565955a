// Which paths of values does a chart know? Reads its `values.yaml` on standard input and prints them, none of its text:
// `tar xzO -f <archive> <chart>/values.yaml | node test/charts/keys.ts > test/charts/<name>-<version>.keys`
import { readFileSync } from "node:fs";
import { load } from "js-yaml";

const paths = (value: unknown, path: string): string[] => {
  if (value === null) return [`${path} null`];
  if (Array.isArray(value)) return [`${path} []`];
  if (typeof value !== "object") return [path];
  const entries = Object.entries(value);
  if (entries.length === 0) return [`${path} {}`];
  const below = entries.flatMap(([key, inner]) => {
    const step = key.includes(".") ? JSON.stringify(key) : key;
    return paths(inner, path ? `${path}.${step}` : step);
  });
  return path ? [path, ...below] : below;
};

process.stdout.write(
  `${paths(load(readFileSync(0, "utf8")), "")
    .sort()
    .join("\n")}\n`,
);
