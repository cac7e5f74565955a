// Which programs are there, and which does a platform need? The tables of the cluster and of the layers as one.
import { clusterBuilds, clusterPrograms } from "./cluster-programs.ts";
import { layerBuilds, layerPrograms } from "./layer-programs.ts";
import type { Build, Row } from "./program-rows.ts";

export type { Build, Download, OnPath, Row } from "./program-rows.ts";

/** In the order in which they are built: what the others share first, so that nothing is compiled twice. */
export const builds = { ...clusterBuilds, ...layerBuilds };

export type BuildName = keyof typeof builds;

/** Every program by name. */
export const programs = { ...clusterPrograms, ...layerPrograms };

export type Program = keyof typeof programs;

/** The row of a program, with the optional parts as such. */
export const rowOf = (program: Program): Row<BuildName> => programs[program];

/** The row of a build, with the optional parts as such. */
export const buildOf = (build: BuildName): Build => builds[build];

/** Every program, in the order of the table. */
export const allPrograms = Object.keys(programs) as Program[];

/** The programs of the local cluster, and those of these layer implementations: `programsFor(["prometheus", "loki"])`. */
export const programsFor = (implementations: readonly string[]): Program[] =>
  allPrograms.filter((program) => isNeeded(rowOf(program), implementations));

/** Whether a row of a table belongs to the cluster itself or to one of these implementations. */
export const isNeeded = (row: { readonly for?: readonly string[] }, implementations: readonly string[]): boolean =>
  !row.for || row.for.some((each) => implementations.includes(each));
