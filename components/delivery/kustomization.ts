// What does a kustomization say of files, and is it one at all? Kustomize's own reader tells neither line nor way out.
import { posix } from "node:path";
import { kustomizationNames } from "./discover.ts";

/** Whether a file of this name is a kustomization. */
export const isKustomization = (path: string): boolean =>
  (kustomizationNames as readonly string[]).includes(posix.basename(path));

const lists = [
  "resources",
  "bases",
  "components",
  "crds",
  "configurations",
  "generators",
  "transformers",
  "validators",
];
const patches = ["patches", "patchesJson6902", "replacements"];
const generators = ["configMapGenerator", "secretGenerator"];

/** What a kustomization names. */
export interface Named {
  /** File or folder, from the folder of the kustomization. */
  readonly path: string;
  /** Whether it is taken as it is, into a ConfigMap or a Secret, and need be no YAML. */
  readonly data: boolean;
}

/** Every file and folder that a kustomization names. */
export const namesIn = (value: unknown): Named[] => {
  const kustomization = value as Fields;
  const items = (field: string): unknown[] => {
    const found = kustomization[field];
    return Array.isArray(found) ? found : [];
  };
  const records = (field: string) =>
    items(field).filter((each) => typeof each === "object" && each !== null) as Fields[];
  const read = [
    ...[...lists, "patchesStrategicMerge"].flatMap(items),
    ...patches.flatMap(records).map(({ path }) => path),
    (kustomization.openapi as Fields | undefined)?.path,
  ];
  const taken = generators
    .flatMap(records)
    .flatMap(({ files, envs, env }) => [
      ...[files ?? []].flat().map((each) => String(each).replace(/^[^=]*=/, "")),
      ...[envs ?? []].flat(),
      env,
    ]);
  return [...read.map((path) => ({ path, data: false })), ...taken.map((path) => ({ path, data: true }))].filter(
    (each): each is Named => typeof each.path === "string" && each.path !== "" && !each.path.includes("\n"),
  );
};

type Fields = Readonly<Record<string, unknown>>;

/** Fields that name no file, by what Kustomize 5 has. */
const others = [
  "apiVersion",
  "kind",
  "metadata",
  "openapi",
  "namePrefix",
  "nameSuffix",
  "namespace",
  "commonLabels",
  "labels",
  "commonAnnotations",
  "images",
  "imageTags",
  "replicas",
  "vars",
  "sortOptions",
  "helmGlobals",
  "helmCharts",
  "helmChartInflationGenerator",
  "generatorOptions",
  "buildMetadata",
];

/** What keeps a document from being a kustomization, with the word at which it stands; undefined where nothing does. */
export const kustomizationProblem = (value: unknown): { reason: string; word: string } | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { reason: "is no kustomization: a mapping of its fields is wanted", word: "" };
  const known = [...lists, "patchesStrategicMerge", ...patches, ...generators, ...others];
  // Flux passes over a field that it does not know, Kustomize itself refuses it: what was meant is done by neither.
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown !== undefined)
    return { reason: `${unknown} is no field of a kustomization: correct or remove it`, word: unknown };
  const wrong = [...lists, ...patches, ...generators, "patchesStrategicMerge", "images", "replicas"].find((field) => {
    const found = (value as Fields)[field];
    return found !== undefined && found !== null && !Array.isArray(found);
  });
  return wrong === undefined ? undefined : { reason: `${wrong} is no list, and one is wanted`, word: wrong };
};
