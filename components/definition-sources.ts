// Which definitions of kinds does the library take from a release, and where in it are they?
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
 * and divide their files differently; objects of other kinds are left out.
 */
export const definitionsIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/^---.*$/m)
      .filter((part) => /^kind: CustomResourceDefinition\s*$/m.test(part))
      .map((part) => {
        const [plural, ...group] = (/^ {2}name: (\S+)$/m.exec(part)?.[1] ?? "").split(".");
        return [`${group.join(".")}_${plural}`, part.trimStart()];
      }),
  );
