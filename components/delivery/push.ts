// How does Pulumi itself deliver an app? The objects of one commit as typed resources: in order, waited for, recorded.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Agent, Delivery, Revision } from "../agent/agent.ts";
import { type Problem, refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import { deployer, marks, nameOfCommit } from "./app.ts";
import { mayBring } from "./deployer.ts";
import type { KubernetesObject } from "./manifests.ts";
import { type RenderedObject, type Rendering, type RenderRequest, render } from "./render.ts";
import { openRepository } from "./repository.ts";

/** Label of the two ConfigMaps that record a delivery: which commit was begun, and which one is there as a whole. */
export const pushLabel = "plumbline.dev/push";

/** An app whose objects Pulumi is to apply: what decides its rendering. */
export interface PushArgs extends Omit<RenderRequest, "namespace" | "agent" | "upgrade" | "remotes"> {
  /** URL of the Git repository, as this machine reaches it. */
  readonly repository: string;
  /** Commit that is rendered. Default: the tip of the branch "main". */
  readonly revision?: Revision;
  /** Namespace of the app. Default: its name. */
  readonly namespace?: string;
}

/**
 * Renders an app at the commit that its revision names now, for {@link App} to have Pulumi apply it.
 *
 * @example
 * const shop = { name: "shop", repository: "https://git.example.com/shop.git", path: "deploy" };
 * new App("shop", shop, { agent: await push(shop) });
 * @throws SourceError, RenderError or ManifestError that names repository, commit, file and line
 */
export const push = async ({ repository, revision = { branch: "main" }, ...request }: PushArgs): Promise<Agent> => {
  const snapshot = await openRepository(repository, revision);
  try {
    return pushing(await render(snapshot, { namespace: request.name, ...request }));
  } finally {
    await snapshot.close();
  }
};

/** Delivers what was rendered, through Pulumi, in the place of an agent. */
export const pushing = (rendering: Rendering): Agent => ({
  deliver: (name, delivery, opts) => {
    const { commit, objects } = rendering;
    const { namespace, repository, path } = delivery;
    refuse(
      `App ${delivery.name}, from ${repository} at commit ${commit.slice(0, 12)}`,
      problemsOf(delivery, rendering),
    );
    const record = (state: "attempted" | "delivered", after: pulumi.ResourceOptions) =>
      new k8s.core.v1.ConfigMap(
        `${name}-${state}`,
        {
          metadata: {
            name: `${delivery.name}-${state}`,
            namespace,
            labels: { ...labels(delivery.name), [pushLabel]: state },
          },
          data: { repository, commit, path },
        },
        after,
      );
    const begun = pulumi.mergeOptions(opts, { dependsOn: record("attempted", opts) });
    const waiting = {
      customTimeouts: { create: delivery.timeout, update: delivery.timeout, delete: "2m" },
      retainOnDelete: !delivery.prune,
    };
    const declare = (some: readonly RenderedObject[], after: pulumi.ResourceOptions) =>
      some.map(({ object }) => declared(name, object, pulumi.mergeOptions(after, waiting)));
    const first = declare(
      objects.filter(({ object }) => !runs(object)),
      begun,
    );
    const after = pulumi.mergeOptions(begun, { dependsOn: first });
    const then = declare(
      objects.filter(({ object }) => runs(object)),
      after,
    );
    return record("delivered", pulumi.mergeOptions(after, { dependsOn: then }));
  },
});

/** What starts pods: it comes after everything that pods look for as they start. */
const runs = ({ apiVersion, kind }: KubernetesObject): boolean =>
  ["apps/v1", "batch/v1"].includes(apiVersion) || ["Pod", "ReplicationController"].includes(kind);

type Typed = new (name: string, args: object, opts: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** The class of a kind: "networking.k8s.io/v1" is `networking.v1` there. */
const typed = ({ apiVersion, kind }: KubernetesObject): Typed | undefined => {
  const [version = "", group = "core"] = apiVersion.split("/").reverse();
  const classes = k8s as unknown as Record<string, Record<string, Record<string, Typed>> | undefined>;
  return classes[group.split(".")[0] ?? ""]?.[version]?.[kind];
};

const declared = (app: string, object: KubernetesObject, opts: pulumi.ResourceOptions): pulumi.CustomResource => {
  const Known = typed(object);
  if (!Known) throw new Error(`${object.kind} of ${object.apiVersion} was not refused`);
  const { status: _, ...rest } = object as KubernetesObject & Record<string, unknown>;
  const hidden = (object.kind === "Secret" ? (["data", "stringData"] as const) : []).filter((field) => rest[field]);
  return new Known(
    nameOfCommit(app, object.metadata.name ?? ""),
    {
      ...rest,
      ...Object.fromEntries(hidden.map((field) => [field, pulumi.secret(rest[field])])),
      metadata: annotated(object),
    },
    opts,
  );
};

// A Service, an Ingress and a claim are as declared once they are there; Pulumi would wait for pods that come after them.
const annotated = ({ kind, metadata }: KubernetesObject): object => ({
  ...metadata,
  annotations: {
    ...(["Service", "Ingress", "PersistentVolumeClaim"].includes(kind) && { "pulumi.com/skipAwait": "true" }),
    ...(metadata as { annotations?: Record<string, string> }).annotations,
  },
});

// Pulumi writes with more rights than a deployer has: what an agent could not bring is refused here.
const problemsOf = (delivery: Delivery, { objects, irreproducible }: Rendering): Problem[] => [
  ...fieldProblems(delivery),
  ...irreproducible.map(({ file, line, uses }) => ({
    file: `${file}:${line}`,
    field: "template",
    value: uses,
    allowed: 'functions that give the same each time, or model "pull": each preview would show another difference',
  })),
  ...objects.flatMap((each) => objectProblems(delivery, each)),
];

const fieldProblems = ({ health, suspend, verify }: Delivery): Problem[] => [
  ...(verify
    ? [
        {
          field: "verify",
          value: "keys",
          allowed: 'only with model "pull": an agent looks at signatures, Pulumi does not',
        },
      ]
    : []),
  ...(health.length > 0
    ? [{ field: "health", value: health, allowed: 'only with model "pull": Pulumi waits for what conditions say' }]
    : []),
  ...(suspend
    ? [{ field: "suspend", value: suspend, allowed: 'only with model "pull": name a { commit } as source.revision' }]
    : []),
];

const objectProblems = ({ namespace }: Delivery, { object, file, line, hook }: RenderedObject): Problem[] => {
  const { apiVersion, kind, metadata } = object;
  const labelled = (metadata as { labels?: Record<string, string> }).labels ?? {};
  const place = file && { file: line ? `${file}:${line}` : file };
  const problem = (value: unknown, allowed: string): Problem[] => [
    { ...place, field: `${kind} ${metadata.name ?? metadata.generateName}`, value, allowed },
  ];
  if (hook) return problem(`hook ${hook}`, 'no hook of Helm: agents run hooks, model "push" does not');
  if (!mayBring(object))
    return problem(
      `${apiVersion} ${kind}`,
      "the kinds that a namespaced app is made of, as its deployer may write them",
    );
  if (!typed(object)) return problem(apiVersion, "a version of this kind that @pulumi/kubernetes knows");
  if (!metadata.name) return problem("metadata.generateName", "metadata.name: each update would make another object");
  if (metadata.namespace !== namespace)
    return problem(`namespace ${metadata.namespace}`, `${namespace}, the namespace of the app`);
  if (kind === "ServiceAccount" && metadata.name === deployer)
    return problem(metadata.name, "another name: the platform declares this ServiceAccount");
  return marks.platform in labelled
    ? problem(`label ${marks.platform}`, "no such label: it is on what the platform declares")
    : [];
};
