// In which fields do two objects differ?
import type { PathStep } from "./ownership.ts";

/** A field in which two objects differ. */
export interface Difference {
  readonly path: readonly PathStep[];
  readonly wanted: unknown;
  readonly found: unknown;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const named = (list: readonly unknown[]): boolean =>
  list.length > 0 && list.every((item) => isRecord(item) && typeof item.name === "string");

/**
 * The fields in which two values differ. Lists of named items are compared by name, as the API server merges them: an
 * insertion must not shift the rest.
 */
export const differences = (wanted: unknown, found: unknown, path: readonly PathStep[] = []): Difference[] => {
  if (isRecord(wanted) && isRecord(found)) {
    return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((key) =>
      differences(wanted[key], found[key], [...path, key]),
    );
  }
  if (Array.isArray(wanted) && Array.isArray(found) && named(wanted) && named(found)) {
    const byName = (list: readonly unknown[]) => new Map(list.map((item) => [(item as { name: string }).name, item]));
    const [left, right] = [byName(wanted), byName(found)];
    return [...new Set([...left.keys(), ...right.keys()])].flatMap((name) =>
      differences(left.get(name), right.get(name), [...path, { keys: { name } }]),
    );
  }
  return JSON.stringify(wanted) === JSON.stringify(found) ? [] : [{ path, wanted, found }];
};
