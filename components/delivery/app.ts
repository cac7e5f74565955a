// What is an app? Manifests in a Git repository, a namespace of its own, and a deployer that may write there and nowhere else.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Agent } from "../agent/agent.ts";
import { type Problem, refuse } from "../problems.ts";
import { podSecurity } from "../workload.ts";
import { deployerRules } from "./deployer.ts";

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
  /** URL of the Git repository that holds the manifests, as it is reached from inside the cluster. */
  repository: string;
  /** Branch that is followed. Default: "main". */
  branch?: string;
  /** Folder of the manifests within the repository. */
  path: string;
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
  /** Apps that must be healthy first, as "name" or "namespace/name". Default: none. */
  dependsOn?: string[];
  /** Service that people reach; told by `plumbline status`. Default: none. */
  expose?: ExposeArgs;
}

/** What code says about an {@link App}. */
export interface AppOptions extends pulumi.ComponentResourceOptions {
  /** Who delivers it. */
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
  /** Annotation of the namespace: what to change instead of the live objects, as `<repository>#<branch>:<path>`. */
  source: "plumbline.dev/source",
  /** Annotation of the namespace: `<service>:<port>` that people reach. */
  expose: "plumbline.dev/expose",
  /** Label of what the platform declares in the namespace: admission keeps the app's deployer from writing it. */
  platform: "plumbline.dev/platform",
} as const;

const markOfPlatform: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  if (!type.startsWith("kubernetes:") || opts.id) return undefined;
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
    super("plumbline:index:App", name, { ...args }, { ...options, transformations });
    const parent = { parent: this };
    const branch = args.branch ?? "main";
    const app = args.name ?? name;
    const namespace = args.namespace ?? app;

    const namespaceArgs: k8s.core.v1.NamespaceArgs = {
      metadata: {
        name: namespace,
        labels: { ...podSecurity("restricted"), [marks.app]: app },
        annotations: {
          [marks.source]: `${args.repository}#${branch}:${args.path}`,
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
        branch,
        path: args.path,
        interval: args.interval ?? "1m",
        timeout: args.timeout ?? "2m",
        prune: args.prune ?? true,
        dependsOn: args.dependsOn ?? [],
        deployer: account.metadata.name,
      },
      { parent: this, dependsOn: [home, binding, ...provided] },
    );
    this.namespace = home.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

const name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -, as Kubernetes names are");
const host = z
  .string()
  .max(253, "a DNS name of at most 253 characters")
  .regex(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'a DNS name such as "shop.example.com"',
  );
const duration = z.string().regex(/^([0-9]+(ms|s|m|h))+$/, 'a Go duration such as "30s" or "1m30s"');

const schema = z.strictObject({
  name,
  namespace: name.exactOptional(),
  source: z.strictObject({
    repository: z.url("the URL of a Git repository; unset, that of the platform").exactOptional(),
    path: z
      .string()
      .regex(/^(?!\/)(?!.*(^|\/)\.\.(\/|$)).+$/, "a folder within the repository, relative and without .."),
    revision: z.string().min(1, "a branch").exactOptional(),
  }),
  interval: duration.exactOptional(),
  timeout: duration.exactOptional(),
  prune: z.boolean("true or false").exactOptional(),
  dependsOn: z.array(name).exactOptional(),
  expose: z
    .strictObject({
      service: name,
      port: z.int("a port, 1 to 65535").min(1, "a port, 1 to 65535").max(65535, "a port, 1 to 65535"),
      host: host.exactOptional(),
      tls: z.boolean("true or false").exactOptional(),
    })
    .exactOptional(),
  secrets: z
    .strictObject({
      serviceAccount: name,
      files: z.record(
        z.string().regex(/^[-._a-zA-Z0-9]+$/, "a file name of a-z, A-Z, 0-9, -, _ and ."),
        z.string().regex(/^[^#\s]+#[^#\s]+$/, 'where the value stands, as "<path>#<key>"'),
      ),
    })
    .exactOptional(),
  model: z.literal("pull", '"pull"').exactOptional(),
});

/** An app as a stack file declares it. */
export type AppSettings = z.input<typeof schema>;

/** One checked app of a stack: data until the platform builds it. */
export interface AppDeclaration extends AppSettings {
  readonly declared: "app";
}

/** Problems of one value against a schema, with the path of each field. */
export const problemsOf = (checked: z.ZodSafeParseResult<unknown>, value: unknown, prefix: string): Problem[] =>
  checked.success
    ? []
    : checked.error.issues.map((issue) => {
        const at = (path: readonly PropertyKey[]) =>
          path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
        const path = issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
        return {
          field: [prefix, ...path.map(String)].filter(Boolean).join("."),
          value: at(path),
          allowed: issue.code === "unrecognized_keys" ? "no such field" : issue.message,
        };
      });

/**
 * Declares an app in a stack file.
 *
 * @param settings `source.repository` and `source.revision` default to the Git repository and branch of the platform
 * @throws InvalidDeclaration that names every wrong field
 */
export const app = (settings: AppSettings): AppDeclaration => {
  const given = settings as { name?: unknown } | undefined;
  refuse("app", problemsOf(schema.safeParse(settings), settings, `apps.${String(given?.name)}`));
  return { ...settings, declared: "app" };
};
