// How does Flux deliver one app? A shared Git source, a Kustomization in the app's namespace, and rights for both.
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { isArtifact } from "../delivery/credentials.ts";
import { refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import { AppKind, type Delivery, revisionName } from "./agent.ts";
import type { Flux, FluxFacts } from "./flux.ts";
import { accessOf, verifyOf } from "./flux-credentials.ts";
import { deliverChart, refuseOfChart } from "./flux-helm.ts";

const address = "https://kubernetes.default.svc";
const rbac = "rbac.authorization.k8s.io";

// Deleting waits for a finalizer of a controller that may be gone; ten minutes, the default, would hang a teardown.
const bounded = { customTimeouts: { delete: "2m" } };

/** Declares the objects of one delivery and returns the Kustomization, whose status tells how it went. */
export const deliverWithFlux = (
  flux: Flux,
  facts: FluxFacts,
  name: string,
  delivery: Delivery,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const { namespace } = delivery;
  const chart = delivery.kind === AppKind.Helm;
  if (chart) refuseOfChart(delivery);
  refuseMixed(facts, delivery);
  const controllerOfApp = chart ? [facts.helmController()] : [];
  const source = sourceOf(flux, facts, delivery);
  const rights = rightsOfController(facts, name, delivery, opts);
  // How the controller logs in as the deployer: it asks for a token of this ServiceAccount and presents it to this same
  // API server. Flux calls that a remote cluster; the alternative, spec.serviceAccountName, would impersonate.
  const login = new k8s.core.v1.ConfigMap(
    `${name}-login`,
    {
      metadata: { name: loginOf(delivery), namespace },
      data: {
        provider: "generic",
        serviceAccountName: delivery.deployer,
        address,
        audiences: facts.audiences.join("\n"),
        "ca.crt": facts.authority,
      },
    },
    opts,
  );
  const dependencies = delivery.dependsOn.map((dependency) => {
    const [home = "", other = ""] = dependency.split("/");
    return { namespace: home, name: other };
  });
  const placed = {
    ...opts,
    ...bounded,
    dependsOn: [...facts.ready, ...controllerOfApp, ...rights, ...[opts.dependsOn ?? []].flat()] as pulumi.Resource[],
  };
  if (chart) {
    const made = { source: source.metadata.name, login: login.metadata.name, dependsOn: dependencies };
    return deliverChart(facts, name, delivery, made, placed);
  }
  return new k8s.apiextensions.CustomResource(
    `${name}-kustomization`,
    {
      apiVersion: "kustomize.toolkit.fluxcd.io/v1",
      kind: "Kustomization",
      metadata: {
        name: delivery.name,
        namespace,
        labels: labels(delivery.name),
        ...(delivery.awaited && { annotations: { "pulumi.com/waitFor": "condition=Ready" } }),
      },
      spec: {
        sourceRef: { kind: source.kind, name: source.metadata.name, namespace: facts.namespace },
        path: `./${delivery.path}`,
        targetNamespace: namespace,
        kubeConfig: { configMapRef: { name: login.metadata.name } },
        interval: delivery.interval,
        retryInterval: delivery.interval,
        timeout: delivery.timeout,
        prune: delivery.prune,
        suspend: delivery.suspend,
        ...(Object.keys(delivery.images).length > 0 && { images: imagesOf(delivery) }),
        ...(delivery.health.length > 0 && { healthCheckExprs: delivery.health }),
        wait: true,
        force: false,
        deletionPolicy: "MirrorPrune",
        dependsOn: dependencies,
      },
    },
    placed,
  );
};

/** Flux waits for apps by their kind of object: a chart for charts, what is none for what is none. */
const refuseMixed = ({ kinds }: FluxFacts, { name, namespace, kind, dependsOn }: Delivery): void => {
  kinds.set(`${namespace}/${name}`, { chart: kind === AppKind.Helm, dependsOn });
  for (const [app, { chart, dependsOn: wanted }] of kinds) {
    const other = wanted.find((each) => (kinds.get(each)?.chart ?? chart) !== chart);
    if (!other) continue;
    refuse(`App ${app}`, [
      {
        field: "dependsOn",
        value: other,
        allowed: chart ? "with Flux another chart" : "with Flux an app that is no chart",
      },
    ]);
  }
};

const imagesOf = ({ images }: Delivery) =>
  Object.entries(images).map(([name, wanted]) => ({
    name,
    ...(wanted.startsWith("sha256:") ? { digest: wanted } : { newTag: wanted }),
  }));

const loginOf = ({ name }: Delivery) => `${name}-delivery`;

/** The source of a repository's branch, or of an artifact, made once for each copy and shared by the apps of that. */
const sourceOf = (flux: Flux, facts: FluxFacts, delivery: Delivery): k8s.apiextensions.CustomResource => {
  const { repository, revision, copy = 0 } = delivery;
  const access = accessOf(flux, facts, delivery);
  const [by] = Object.keys(revision);
  // A branch stands alone, as it did before there was anything else: another name would replace the source.
  const key = `${repository} ${by === "branch" ? "" : `${by} `}${revisionName(revision)}${copy > 0 ? ` ${copy}` : ""}`;
  const known = facts.sources.get(key);
  if (known) return known;
  const url = new URL(repository);
  const readable = `${url.pathname.replace(/^.*\//, "").replace(/\.git$/, "")}-${revisionName(revision)}`;
  const slug = readable
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40);
  const named = `${slug}-${createHash("sha256").update(key).digest("hex").slice(0, 6)}`;
  const port = Number(url.port) || { "http:": 80, "ssh:": 22 }[url.protocol] || 443;
  const opts = { parent: flux, dependsOn: facts.ready };
  const prefix = `${facts.name}-${named}`;
  const opening = new k8s.networking.v1.NetworkPolicy(
    prefix,
    {
      metadata: { name: `to-git-${named}`, namespace: facts.namespace },
      spec: {
        podSelector: { matchLabels: labels("source-controller") },
        policyTypes: ["Egress"],
        egress: [{ ports: [{ protocol: "TCP", port }] }],
      },
    },
    opts,
  );
  const source = new k8s.apiextensions.CustomResource(
    prefix,
    {
      apiVersion: "source.toolkit.fluxcd.io/v1",
      kind: isArtifact(repository) ? "OCIRepository" : "GitRepository",
      metadata: { name: named, namespace: facts.namespace },
      // The interval is for pushes that nobody told of; a push that is told of is fetched at once.
      spec: {
        url: repository,
        ref: revision,
        interval: "1m",
        timeout: "60s",
        ...access.spec,
        ...verifyOf(access, delivery),
      },
    },
    { ...opts, ...bounded, dependsOn: [...facts.ready, opening, ...access.after] },
  );
  facts.sources.set(key, source);
  return source;
};

/** What the controllers and the app itself may do in the app's namespace. */
const rightsOfController = (
  facts: FluxFacts,
  name: string,
  delivery: Delivery,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const { namespace } = delivery;
  const chart = delivery.kind === AppKind.Helm;
  const agent = `${delivery.name}:agent`;
  const record = `${delivery.name}:delivery-record`;
  new k8s.rbac.v1.Role(
    `${name}-agent`,
    {
      metadata: { name: agent, namespace },
      rules: [
        { apiGroups: [""], resources: ["configmaps"], resourceNames: [loginOf(delivery)], verbs: ["get"] },
        {
          apiGroups: [""],
          resources: ["serviceaccounts/token"],
          resourceNames: [delivery.deployer],
          verbs: ["create"],
        },
      ],
    },
    opts,
  );
  const agentBinding = new k8s.rbac.v1.RoleBinding(
    `${name}-agent`,
    {
      metadata: { name: agent, namespace },
      roleRef: { apiGroup: rbac, kind: "Role", name: agent },
      subjects: [
        {
          kind: "ServiceAccount",
          name: chart ? "helm-controller" : "kustomize-controller",
          namespace: facts.namespace,
        },
      ],
    },
    opts,
  );
  // An app may read what the agent recorded about it, to say which commit delivered it.
  new k8s.rbac.v1.Role(
    `${name}-delivery-record`,
    {
      metadata: { name: record, namespace },
      rules: [
        {
          apiGroups: [chart ? "helm.toolkit.fluxcd.io" : "kustomize.toolkit.fluxcd.io"],
          resources: [chart ? "helmreleases" : "kustomizations"],
          resourceNames: [delivery.name],
          verbs: ["get"],
        },
      ],
    },
    opts,
  );
  const recordBinding = new k8s.rbac.v1.RoleBinding(
    `${name}-delivery-record`,
    {
      metadata: { name: record, namespace },
      roleRef: { apiGroup: rbac, kind: "Role", name: record },
      subjects: [{ kind: "Group", name: `system:serviceaccounts:${namespace}`, apiGroup: rbac }],
    },
    opts,
  );
  return [agentBinding, recordBinding];
};
