// Which definitions of kinds does the library take from a release, and where in it are they?
import { dump, load } from "js-yaml";
import { version } from "./versions.ts";

/** Definitions in the Go module of a release. */
export interface DefinitionSource {
  /** Path of the module: "github.com/fluxcd/source-controller". */
  readonly module: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** Folder of the module, or one file of it. Of a folder only its own `.yaml` files count. */
  readonly path: string;
  /** Folder for them below `crds/`. Omitted: `crds/` itself. */
  readonly into?: string;
  /** Layer implementations that need them: "cert-manager". Omitted: every platform does. */
  readonly for?: readonly string[];
  /** Folder in `engine/programs/` whose `go.mod` and `go.sum` pin the module. Omitted: not for the local platform. */
  readonly pinnedBy?: string;
}

const certManager = {
  module: "github.com/cert-manager/cert-manager",
  path: "deploy/crds",
  for: ["cert-manager"],
} as const;

/** One row a module and release. */
export const definitionSources: readonly DefinitionSource[] = [
  {
    module: "github.com/fluxcd/source-controller",
    version: version("source-controller"),
    path: "config/crd/bases",
    pinnedBy: "source-controller",
  },
  {
    module: "github.com/fluxcd/kustomize-controller",
    version: version("kustomize-controller"),
    path: "config/crd/bases",
    pinnedBy: "kustomize-controller",
  },
  {
    module: "github.com/fluxcd/helm-controller",
    version: version("helm-controller"),
    path: "config/crd/bases",
    for: ["helm"],
    pinnedBy: "helm-controller",
  },
  {
    module: "github.com/argoproj/argo-cd/v3",
    version: version("argocd"),
    path: "manifests/crds",
    for: ["argo-cd"],
    pinnedBy: "argo-cd",
  },
  {
    ...certManager,
    version: version("cert-manager-controller-1.11"),
    into: "cert-manager-1.11",
    pinnedBy: "cert-manager",
  },
  { ...certManager, version: version("cert-manager-controller"), into: "cert-manager-1.21" },
  {
    module: "sigs.k8s.io/gateway-api",
    // The release that Traefik is written against.
    version: "1.4.0",
    path: "config/crd/standard",
    for: ["gateway-api"],
    pinnedBy: "traefik",
  },
];

/**
 * The definitions in a file of a release, by the names under which the library reads them: `<group>_<plural>`. Releases name
 * and divide their files differently; objects of other kinds are left out. So are the descriptions of fields: two thirds of the bytes,
 * which every checkpoint of a state, every comparison and every API server would carry, for `kubectl explain` alone.
 */
export const definitionsIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/^---.*$/m)
      .filter((part) => /^kind: CustomResourceDefinition\s*$/m.test(part))
      .map((part) => {
        const definition = load(part) as { readonly metadata: { readonly name: string } };
        const [plural, ...group] = definition.metadata.name.split(".");
        return [`${group.join(".")}_${plural}`, dump(undescribed(definition), { lineWidth: -1, noRefs: true })];
      }),
  );

/** Maps from names to schemas: a name in them may be any word. */
const named = new Set(["properties", "patternProperties", "definitions"]);
/** Values of the kind's own, in which nothing is a schema. */
const values = new Set(["default", "enum", "example"]);

const undescribed = (value: unknown, isNamed = false): unknown => {
  if (Array.isArray(value)) return value.map((each) => undescribed(each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, each]) => isNamed || key !== "description" || typeof each !== "string")
      .map(([key, each]) => [key, !isNamed && values.has(key) ? each : undescribed(each, !isNamed && named.has(key))]),
  );
};
