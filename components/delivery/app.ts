// What is an app? Manifests in a Git repository, a namespace of its own, and a deployer that may write there and nowhere else.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { type Agent, AppKind, type HealthArgs, type Revision, revisionName } from "../agent/agent.ts";
import { type Problem, refuse } from "../problems.ts";
import { podSecurity } from "../workload.ts";
import { type CredentialsArgs, credentialsProblems, isArtifact, secretly } from "./credentials.ts";
import { deployerRules } from "./deployer.ts";
import { type VerifyArgs, verifyProblems } from "./verification.ts";

/** Where an app is reached. */
export interface ExposeArgs {
  /** Name of a Service in the app's namespace. */
  service: string;
  /** Port of that Service. */
  port: number;
  /** DNS name under which the layer of the slot `ingress` lets it be reached. Default: it does not. */
  host?: string;
  /** Whether `host` is served by HTTPS with a certificate of the slot `certificates`. Default: true. */
  tls?: boolean;
}

/** Arguments of {@link App}. */
export interface AppArgs {
  /** URL of the Git repository that holds the manifests, or of artifacts as `oci://…`, as it is reached from inside the cluster. */
  repository: string;
  /** How the agent gets into the repository; apps of one repository share one value. Default: everybody may read it. */
  credentials?: CredentialsArgs;
  /** Who must have signed what is delivered; apps of one repository share one value. Default: nobody. */
  verify?: VerifyArgs;
  /** Branch that is followed. Default: "main", where no tag, range of versions or commit is given. */
  branch?: string;
  /** Tag that is delivered, instead of a branch. Default: none. */
  tag?: string;
  /** Range of versions whose newest tag is delivered, instead of a branch: ">=1.2.0 <2.0.0". Default: none. */
  semver?: string;
  /** Full hash of the commit that is delivered, instead of a branch. Default: none. */
  commit?: string;
  /** Digest of the artifact that is delivered, as "sha256:…". Default: none. */
  digest?: string;
  /** Folder of the manifests within the repository; of a chart, the one with `Chart.yaml`. */
  path: string;
  /** What the files are. Default: no chart; Kustomize where the folder has a `kustomization.yaml`, else plain YAML. */
  kind?: AppKind;
  /** Values of a chart as a JSON object, over those of its files. Default: none. */
  values?: string;
  /** Files with values in the chart's folder, the later over the earlier, all over `values.yaml`. Default: none. */
  valuesFiles?: string[];
  /** Tag, or digest as "sha256:…", by the name of an image in the manifests. Not for charts. Default: as they say. */
  images?: Record<string, string>;
  /** When custom resources are healthy, beyond what their conditions say. Default: none. */
  health?: HealthArgs[];
  /** Name of the app in the cluster. Default: the component's name. */
  name?: string;
  /** Namespace of the app; it is made. Default: the app's name. */
  namespace?: string;
  /** How often the live objects are compared with Git, as a Go duration. Default: "1m". */
  interval?: string;
  /** How long the app may take until it is healthy, as a Go duration. Default: "2m". */
  timeout?: string;
  /** Whether objects that leave Git also leave the cluster. Default: true. */
  prune?: boolean;
  /** Whether the app is left as it is, whatever Git says. Default: false. */
  suspend?: boolean;
  /** Apps that must be healthy first, as "name" or "namespace/name". Default: none. */
  dependsOn?: string[];
  /** Whether what depends on it in the program waits until it is healthy. Default: until its agent is told of it. */
  awaited?: boolean;
  /** Service that people reach; told by `plumbline status`. Default: none. */
  expose?: ExposeArgs;
}

/** What code says about an {@link App}. */
export interface AppOptions extends pulumi.ComponentResourceOptions {
  /** Who delivers it: a layer of the slot `agent`, or what `push()` returns. `dependsOn` is what comes before delivery. */
  agent: Agent;
  /** Declares what its pods find in the namespace: it is there before the first delivery. Default: nothing. */
  provisions?: (namespace: pulumi.Output<string>, opts: pulumi.ComponentResourceOptions) => pulumi.Resource[];
  transform?: {
    /** Changes the namespace. */
    namespace?: (args: k8s.core.v1.NamespaceArgs) => k8s.core.v1.NamespaceArgs;
  };
}

/** Labels and annotations by which other parts recognise an app's namespace. */
export const marks = {
  /** Label of the namespace: name of the app. */
  app: "plumbline.dev/app",
  /** Annotation of the namespace: what to change instead of the live objects, as `<repository>#<revision>:<path>`. */
  source: "plumbline.dev/source",
  /** Annotation of the namespace: `<service>:<port>` that people reach. */
  expose: "plumbline.dev/expose",
  /** Label of what the platform declares in the namespace: admission keeps the app's deployer from writing it. */
  platform: "plumbline.dev/platform",
} as const;

/** Name for Pulumi of an object that is of an app's commit: no other child of an app has a slash in its own. */
export const nameOfCommit = (app: string, object: string): string => `${app}/${object}`;

const markOfPlatform: pulumi.ResourceTransformation = ({ type, name, props, opts }) => {
  if (!type.startsWith("kubernetes:") || opts.id || name.includes("/")) return undefined;
  const { metadata } = props as { metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta> };
  const marked = pulumi
    .output(metadata ?? {})
    .apply((given) => (given.namespace ? { ...given, labels: { ...given.labels, [marks.platform]: "true" } } : given));
  return { props: { ...props, metadata: marked }, opts };
};

/** Name of the ServiceAccount with whose rights an app's manifests are applied. */
export const deployer = "deployer";

/**
 * An app that an agent delivers from Git.
 *
 * @example
 * new App("shop", { repository: "https://git.example.com/platform.git", path: "apps/shop" }, { agent: new Flux("agent") });
 */
export class App extends pulumi.ComponentResource {
  /** Namespace of the app. */
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: AppArgs, opts: AppOptions) {
    const { agent, provisions, transform, ...options } = opts;
    const transformations = [...(options.transformations ?? []), markOfPlatform];
    const { credentials } = args;
    super(
      "plumbline:index:App",
      name,
      { ...args, ...(credentials && { credentials: secretly(credentials) }) },
      { ...options, transformations },
    );
    const parent = { parent: this };
    refuse(`App ${name}`, argsProblems(args));
    const revision = revisionOf(args);
    const app = args.name ?? name;
    const namespace = args.namespace ?? app;

    const namespaceArgs: k8s.core.v1.NamespaceArgs = {
      metadata: {
        name: namespace,
        labels: { ...podSecurity("restricted"), [marks.app]: app },
        annotations: {
          [marks.source]: `${args.repository}#${revisionName(revision)}:${args.path}`,
          ...(args.expose && { [marks.expose]: `${args.expose.service}:${args.expose.port}` }),
        },
      },
    };
    const home = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      transform?.namespace ? transform.namespace(namespaceArgs) : namespaceArgs,
      parent,
    );
    const within = { parent: this, dependsOn: home };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-deployer`,
      { metadata: { name: deployer, namespace }, automountServiceAccountToken: false },
      within,
    );
    const role = new k8s.rbac.v1.Role(
      `${name}-deployer`,
      { metadata: { name: deployer, namespace }, rules: deployerRules },
      within,
    );
    const binding = new k8s.rbac.v1.RoleBinding(
      `${name}-deployer`,
      {
        metadata: { name: deployer, namespace },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
        subjects: [{ kind: "ServiceAccount", name: deployer, namespace }],
      },
      within,
    );
    const provided = provisions?.(home.metadata.name, within) ?? [];
    agent.deliver(
      name,
      {
        name: app,
        namespace,
        repository: args.repository,
        credentials,
        verify: args.verify,
        revision,
        path: args.path.replace(/^(\.?\/)+/, "").replace(/\/+$/, ""),
        kind: args.kind,
        values: JSON.parse(args.values ?? "{}") as Record<string, unknown>,
        valuesFiles: args.valuesFiles ?? [],
        images: args.images ?? {},
        health: args.health ?? [],
        interval: args.interval ?? "1m",
        timeout: args.timeout ?? "2m",
        prune: args.prune ?? true,
        suspend: args.suspend ?? false,
        awaited: args.awaited ?? false,
        dependsOn: (args.dependsOn ?? []).map((other) => (other.includes("/") ? other : `${other}/${other}`)),
        deployer: account.metadata.name,
        deployerUid: account.metadata.uid,
      },
      pulumi.mergeOptions(
        { parent: this, dependsOn: [home, binding, ...provided] },
        { dependsOn: opts.dependsOn ?? [] },
      ),
    );
    this.namespace = home.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

const revisions = ["branch", "tag", "semver", "commit", "digest"] as const;

const revisionOf = ({ branch = "main", tag, semver, commit, digest }: AppArgs): Revision =>
  digest ? { digest } : commit ? { commit } : semver ? { semver } : tag ? { tag } : { branch };

const argsProblems = (args: AppArgs): Problem[] => {
  const problems: Problem[] = [];
  const given = revisions.filter((each) => args[each] !== undefined);
  if (given.length > 1) problems.push({ field: given[1] ?? "", value: args, allowed: `only without ${given[0]}` });
  const { repository, credentials } = args;
  return [
    ...problems,
    ...credentialsProblems(repository, credentials, "credentials"),
    ...revisionProblems(repository, revisionOf(args), args.verify, ""),
    ...verifyProblems(revisionOf(args), args.verify, "verify"),
    ...kindProblems(args),
    ...valuesProblems(args),
  ];
};

const valuesProblems = ({ values }: AppArgs): Problem[] => {
  const problem = { field: "values", value: values, allowed: "a JSON object" };
  try {
    const parsed: unknown = JSON.parse(values ?? "{}");
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? [] : [problem];
  } catch {
    return [problem];
  }
};

/** What of a revision does not fit the repository: commits are of Git, digests of a registry. */
export const revisionProblems = (
  repository: string,
  revision: Revision,
  verify: unknown,
  prefix: string,
): Problem[] => {
  const kind = Object.keys(revision)[0] ?? "";
  const problem = (field: string, value: unknown, allowed: string) => ({ field: `${prefix}${field}`, value, allowed });
  if (!isArtifact(repository))
    return kind === "digest" ? [problem("revision", revision, "{ digest } only with a repository oci://…")] : [];
  return [
    ...(["tag", "semver", "digest"].includes(kind)
      ? []
      : [problem("revision", revision, "{ tag }, { semver } or { digest }: artifacts have no branches and commits")]),
    ...(verify === undefined ? [] : [problem("verify", "something", "only with a Git repository")]),
  ];
};

interface OfOneKind {
  readonly kind?: AppKind;
  readonly values?: unknown;
  readonly valuesFiles?: unknown;
  readonly images?: unknown;
  readonly health?: unknown;
}

/** Problems of fields that only one kind of app has. */
export const kindProblems = ({ kind, values, valuesFiles, images, health }: OfOneKind, prefix = ""): Problem[] => {
  const chart = kind === AppKind.Helm;
  const only = (field: string, value: unknown, allowed: string): Problem[] =>
    value === undefined ? [] : [{ field: `${prefix}${field}`, value, allowed }];
  return chart
    ? [
        ...only("images", images, "not for a chart: its values name its images"),
        ...only("health", health, "not for a chart: its agent waits for what its conditions say"),
      ]
    : [
        ...only("values", values, 'only with kind "helm"'),
        ...only("valuesFiles", valuesFiles, 'only with kind "helm"'),
      ];
};

/** Problems of one value against a schema, with the path of each field. */
export const problemsOf = (checked: z.ZodSafeParseResult<unknown>, value: unknown, prefix: string): Problem[] =>
  checked.success
    ? []
    : checked.error.issues.map((issue) => {
        const at = (path: readonly PropertyKey[]) =>
          path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
        const path = issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
        const field = [prefix, ...path.map(String)].filter(Boolean).join(".");
        // What the name stands for is right, and may be long: the name is what is wrong.
        if (issue.code === "invalid_key")
          return { field, value: path.at(-1), allowed: issue.issues.map(({ message }) => message).join(", ") };
        return {
          field,
          // A secret that somebody wrote where its name belongs must not be printed.
          value:
            path.some((key) => key === "credentials" || key === "secret") && at(path) !== undefined
              ? `something (${typeof at(path)})`
              : at(path),
          allowed: issue.code === "unrecognized_keys" ? "no such field" : issue.message,
        };
      });
