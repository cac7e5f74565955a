// What does a pull agent offer apps, whichever agent it is?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";
import type { CredentialsArgs } from "../delivery/credentials.ts";
import type { VerifyArgs } from "../delivery/verification.ts";

/** What the files of an app are. */
export const AppKind = { Yaml: "yaml", Kustomize: "kustomize", Helm: "helm" } as const;

/** One of {@link AppKind}. */
export type AppKind = (typeof AppKind)[keyof typeof AppKind];

/** Which commit of a repository, or which artifact of a registry, is delivered. */
export type Revision =
  /** The tip of a branch, followed. */
  | { readonly branch: string }
  /** A tag. */
  | { readonly tag: string }
  /** The newest tag within a range of versions, followed: ">=1.2.0 <2.0.0". */
  | { readonly semver: string }
  /** One commit, by its full hash. */
  | { readonly commit: string }
  /** One artifact of a registry, as "sha256:…". */
  | { readonly digest: string };

/** When a custom resource is healthy, in CEL over the fields of the object: `status.phase == 'Ready'`. */
export interface HealthArgs {
  /** Group and version of the kind: "example.com/v1". */
  apiVersion: string;
  /** The kind that the expressions are about. */
  kind: string;
  /** True where the object is as declared. */
  current: string;
  /** True where work on it goes on. Default: never. */
  inProgress?: string;
  /** True where it has failed. Default: never. */
  failed?: string;
}

/** Identity of the Git server towards the cluster: it tells the agent of a push. */
export const notifier = "plumbline:git-notifier";

/** One app as any agent can deliver it: where its manifests are, and how they are brought into the cluster. */
export interface Delivery {
  /** Name of the app: unique within its namespace. */
  readonly name: string;
  /** Namespace that receives the manifests; it exists already. */
  readonly namespace: string;
  /** URL of the Git repository, or of artifacts as `oci://…`, as it is reached from inside the cluster. */
  readonly repository: string;
  /** How the agent gets into it; the same object for each app of one repository. Undefined: everybody may read it. */
  readonly credentials: CredentialsArgs | undefined;
  /** Who must have signed what is delivered; the same object for each app of one repository. Undefined: nobody. */
  readonly verify: VerifyArgs | undefined;
  /** Commit that is delivered. */
  readonly revision: Revision;
  /** Which of the agent's copies of the repository it comes from, where there are several. Undefined: the first, 0. */
  readonly copy?: number;
  /** Folder within the repository, without `./` before it and `/` behind it; of a chart, the one with `Chart.yaml`. */
  readonly path: string;
  /** What the files are. Undefined: no chart; Kustomize where the folder has a `kustomization.yaml`, else plain YAML. */
  readonly kind: AppKind | undefined;
  /** Values of a chart, over those of its files; empty for other kinds. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Files with values in the chart's folder, the later over the earlier, all over `values.yaml`; empty for other kinds. */
  readonly valuesFiles: readonly string[];
  /** Tag, or digest as "sha256:…", by the name of an image in the manifests; empty for a chart. */
  readonly images: Readonly<Record<string, string>>;
  /** Health of custom resources, beyond what their conditions say. */
  readonly health: readonly HealthArgs[];
  /** How often the live objects are compared with Git, as a Go duration: "30s". */
  readonly interval: string;
  /** How long an app may take until it is healthy, as a Go duration: "2m". */
  readonly timeout: string;
  /** Whether objects that leave Git also leave the cluster. */
  readonly prune: boolean;
  /** Whether the app is left as it is, whatever Git says. */
  readonly suspend: boolean;
  /** Whether Pulumi waits until the agent says that it is healthy: an app that Pulumi applies comes after it. */
  readonly awaited: boolean;
  /** Apps that must be healthy first, as "namespace/name". */
  readonly dependsOn: readonly string[];
  /** ServiceAccount of the namespace with whose rights the manifests are applied. */
  readonly deployer: Input<string>;
  /** Identifier of that ServiceAccount: who keeps its tokens must not show them for the next one of its name. */
  readonly deployerUid: Input<string>;
}

/** Capability of the slot `agent`. */
export interface Agent {
  /**
   * Declares the agent's objects for one app.
   *
   * @returns the object whose status tells how the delivery went
   * @throws InvalidDeclaration when the app asks for what this agent cannot do
   */
  readonly deliver: (name: string, delivery: Delivery, opts: ComponentResourceOptions) => Resource;
}

/** The revision in one word, as annotations and messages show it. */
export const revisionName = (revision: Revision): string => Object.values(revision)[0] as string;
