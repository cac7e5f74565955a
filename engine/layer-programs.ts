// Which programs do single layers need? Got only for a stack that declares the layer; a row a build, and one a program.
import type { Build, Row } from "./program-rows.ts";

/** In the order in which they are built, after those of the cluster. */
export const layerBuilds = {} as const satisfies Record<string, Build>;

type BuildName = keyof typeof layerBuilds;

/** The programs by name; each says in `for` which implementations need it. */
export const layerPrograms = {} as const satisfies Record<string, Row<BuildName> & { readonly for: readonly string[] }>;
