// How do settings and layers become one platform? The only file that knows every slot.

import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Agent } from "./agent/agent.ts";
import { fieldManager } from "./cluster/cluster.ts";
import { App } from "./delivery/app.ts";
import { credentialsOf } from "./delivery/configured.ts";
import { copiesOf } from "./delivery/copies.ts";
import type { AppDeclaration } from "./delivery/declaration.ts";
import { pushing } from "./delivery/push.ts";
import type { Rendering } from "./delivery/render.ts";
import { Enforcement } from "./enforcement.ts";
import { Identities } from "./identities.ts";
import { type Problem, refuse } from "./problems.ts";
import { provisionProblems, provisionsOf } from "./provisions.ts";
import { type Settings, settingsProblems, singleApps, sourceOf } from "./settings.ts";
import { buildLayers, type Complete, type Layers, layerProblems } from "./slot.ts";

/** One typed value that says what a stack is; pure data until {@link Platform} builds it. */
export interface Definition {
  readonly settings: Settings;
  readonly layers: Layers;
  /** What the apps of the model "push" come to, by name: `discover()` renders them. */
  readonly pushed?: ReadonlyMap<string, Rendering>;
}

/**
 * Declares a platform. A missing need, a wrong slot and an unknown slot do not compile, and are refused here again.
 *
 * @throws InvalidDeclaration with every problem of settings and layers
 */
export const definePlatform = <const L extends Layers>(settings: Settings, layers: L & Complete<L>): Definition => {
  const problems = [...settingsProblems(settings), ...layerProblems(layers)];
  if (problems.length === 0) {
    problems.push(...provisionProblems(singleApps(settings), layers), ...cloudProblems(settings.cluster, layers));
  }
  if (settings.apps?.some(({ model }) => model !== "push") && !("agent" in layers)) {
    problems.push({
      field: "layers.agent",
      value: undefined,
      allowed: 'a layer for slot "agent", which delivers the apps, or model "push" for each of them',
    });
  }
  refuse("platform", problems);
  const own = Object.values(layers).flatMap((each) => each?.exemptions ?? []);
  return {
    settings: own.length > 0 ? { ...settings, exemptions: [...(settings.exemptions ?? []), ...own] } : settings,
    layers,
  };
};

// What a layer asks of the cloud is of the cluster: another one can't make it.
const cloudProblems = ({ implementation, gives = [] }: Settings["cluster"], layers: Layers): Problem[] =>
  Object.entries(layers).flatMap(([slot, layer]) =>
    (layer?.asks ?? [])
      .filter((thing) => !gives.includes(thing))
      .map((thing) => ({
        field: `layers.${slot}`,
        value: `${layer?.implementation}, which asks the cluster for a ${thing}`,
        allowed: `arguments that name a ${thing}, or do without: the cluster ${implementation} makes none`,
      })),
  );

// One transformation for all: a component that forgot it would write under a random name, and look like a stranger.
const pinFieldManager: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  if (!type.startsWith("kubernetes:") || opts.id) return undefined;
  const { metadata } = props as { metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta> };
  const pinned = pulumi.output(metadata ?? {}).apply((given) => ({
    ...given,
    annotations: {
      ...given.annotations,
      "pulumi.com/patchFieldManager": fieldManager,
      // What is declared wins over whoever wrote it last: without this, repairing a live edit ends in a conflict.
      "pulumi.com/patchForce": "true",
      // A Service is waited for in steps of ten seconds; the Deployment behind it is waited for anyway.
      ...(type === "kubernetes:core/v1:Service" && { "pulumi.com/skipAwait": "true" }),
    },
  }));
  return { props: { ...props, metadata: pinned }, opts };
};

/** The agent, which takes an app from that copy of its repository. */
const fromCopy = (agent: Agent | undefined, copy = 0): Agent | undefined =>
  agent && copy > 0 ? { deliver: (name, delivery, opts) => agent.deliver(name, { ...delivery, copy }, opts) } : agent;

/**
 * A platform: its cluster, its layers in the order of their needs, then its apps.
 *
 * @example
 * new Platform(definePlatform({ name: "p", git, cluster: existing({}), apps: [] }, { agent: flux() }));
 */
export class Platform extends pulumi.ComponentResource {
  constructor({ settings, layers, pushed }: Definition, opts: pulumi.ComponentResourceOptions = {}) {
    const { name } = settings;
    const unknown = settings.apps.find((each) => each.declared === "apps");
    if (unknown) throw new Error(`which apps there are in ${unknown.path}, Git must be asked first: discover()`);
    super(
      "plumbline:index:Platform",
      name,
      {},
      {
        ...opts,
        transformations: [...(opts.transformations ?? []), pinFieldManager],
      },
    );
    const credentials = credentialsOf(settings);
    const cluster = settings.cluster.build(`${name}-cluster`, {}, { parent: this });
    const placed = { parent: this, providers: { kubernetes: cluster.provider } };
    new Identities(`${name}-identities`, {}, placed);
    if (settings.enforce) {
      const { namespaces, observe, users, groups } = settings.enforce;
      new Enforcement(
        `${name}-enforcement`,
        {
          repository: settings.git.url,
          namespaces: [...namespaces],
          ...(observe && { observe: [...observe] }),
          ...(users && { users: [...users] }),
          ...(groups && { groups: [...groups] }),
        },
        placed,
      );
    }
    const capabilities = buildLayers(layers, { cluster }, (slot) => `${name}-${slot}`, placed);
    const apps = singleApps(settings);
    const copies = copiesOf(
      apps.filter(({ model }) => model !== "push"),
      ({ source }) => {
        const { url, revision } = sourceOf(settings, source);
        return JSON.stringify([url, revision]);
      },
    );
    const built = new Map<string, App>();
    const build = (declared: AppDeclaration): App => {
      const {
        name: app,
        source,
        dependsOn = [],
        values,
        model = "pull",
        declared: __,
        secrets: ___,
        ...rest
      } = declared;
      const known = built.get(app);
      if (known) return known;
      const rendering = pushed?.get(app);
      if (model === "push" && !rendering)
        throw new Error(`what app "${app}" consists of, Git must be asked first: discover()`);
      const agent = rendering ? pushing(rendering) : fromCopy(capabilities.agent, copies.get(app));
      if (!agent) throw new Error(`app "${app}" has no agent that delivers it`);
      const { url, revision, verify } = sourceOf(settings, source);
      const access = credentials.get(url);
      const before = apps.filter(({ name: other }) => dependsOn.includes(other));
      // An agent can wait for what it delivers itself; what Pulumi applies, or waits for, Pulumi puts in order.
      const ordered = before.filter((other) => model === "push" || other.model === "push");
      const made = new App(
        `${name}-${app}`,
        {
          ...rest,
          name: app,
          ...(apps.some((other) => other.model === "push" && other.dependsOn?.includes(app)) && { awaited: true }),
          dependsOn: before
            .filter((other) => !ordered.includes(other))
            .map(({ name: other, namespace = other }) => `${namespace}/${other}`),
          repository: url,
          ...(access && { credentials: access }),
          ...(verify && { verify }),
          ...revision,
          ...(values && { values: JSON.stringify(values) }),
          path: source.path,
        },
        {
          ...placed,
          agent,
          provisions: provisionsOf(`${name}-${app}`, declared, capabilities),
          dependsOn: ordered.map(build),
        },
      );
      built.set(app, made);
      return made;
    };
    for (const declared of apps) build(declared);
    this.registerOutputs({});
  }
}
