// Where do the definitions of kinds come from? From the very releases that run, never from a copy in Git.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readManifests } from "./delivery/manifests.ts";

/** A CustomResourceDefinition as its file holds it. */
export interface Definition {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: never;
}

// The published package carries the folder beside its entry; in a clone `npm start` makes it in the state folder.
const places = (folder: string | undefined): string[] =>
  [
    folder,
    process.env.PLUMBLINE_CRDS,
    join(import.meta.dirname, "crds"),
    join(import.meta.dirname, "..", "crds"),
  ].filter((place): place is string => Boolean(place));

/**
 * Reads the definitions of the given names: `<group>_<plural>`, in a folder of their own where a layer knows several releases.
 *
 * @param folder where they are; unset: `PLUMBLINE_CRDS`, then `crds/` of this package
 * @throws Error that names the places searched and the command that makes the files
 */
export const readDefinitions = (names: readonly string[], folder?: string): Definition[] => {
  const searched = places(folder).map((place) => resolve(place));
  const found = searched.find((place) => names.every((name) => existsSync(join(place, `${name}.yaml`))));
  if (!found) {
    throw new Error(
      `The definitions of kinds (${names[0]}.yaml and ${names.length - 1} more) are in none of ${searched.join(", ")}.\n` +
        "`npm run crds --workspace components` in a clone of plumbline takes them from the pinned releases (it needs Go); or set PLUMBLINE_CRDS to a folder that holds them.",
    );
  }
  return names.flatMap((name) => {
    const file = join(found, `${name}.yaml`);
    return readManifests(readFileSync(file), file).map(({ object }) => object as unknown as Definition);
  });
};
