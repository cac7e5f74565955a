// How does Argo CD deliver one app? An Application beside the app, a project that pins it down, and the app's namespace as
// a cluster that is entered as its deployer.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deployerKinds } from "../delivery/deployer.ts";
import { type Problem, refuse } from "../problems.ts";
import { labels } from "../workload.ts";
import { AppKind, type Delivery, revisionName } from "./agent.ts";
import type { ArgoCd, ArgoCdFacts } from "./argo-cd.ts";
import { accessOf, signatureKeysOf } from "./argo-cd-credentials.ts";
import { programs } from "./argo-cd-programs.ts";
import { argoproj } from "./argo-cd-rights.ts";
import { partOf, tokenProgram } from "./argo-cd-settings.ts";

const rbac = "rbac.authorization.k8s.io";
const apiVersion = `${argoproj}/v1alpha1`;

// Deleting waits for a finalizer of a controller that may be gone; ten minutes, the default, would hang a teardown.
const bounded = { customTimeouts: { delete: "2m" } };

/**
 * Address of this same API server under which Argo CD knows one namespace. It tells clusters apart by their address and
 * gives each one way to log in; its client drops the query before it asks.
 */
export const addressOf = (namespace: string): string => `https://kubernetes.default.svc?namespace=${namespace}`;

/**
 * Declares the objects of one delivery and returns the Application, whose status tells how it went.
 *
 * @throws InvalidDeclaration for what Argo CD does not have
 */
export const deliverWithArgoCd = (
  argoCd: ArgoCd,
  facts: ArgoCdFacts,
  name: string,
  delivery: Delivery,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource => {
  const { namespace, repository } = delivery;
  refuse(`App ${delivery.name}`, problemsOf(delivery));
  const access = accessOf(argoCd, facts, delivery);
  openToGit(argoCd, facts, repository);
  const login = loginOf(argoCd, facts, delivery);
  const rights = rightsOfController(facts, name, delivery, opts);
  const project = new k8s.apiextensions.CustomResource(
    `${name}-project`,
    {
      apiVersion,
      kind: "AppProject",
      metadata: { name: projectOf(delivery), namespace: facts.namespace, labels: labels(delivery.name) },
      spec: {
        sourceRepos: [repository],
        sourceNamespaces: [namespace],
        ...signatureKeysOf(delivery),
        destinations: [{ server: addressOf(namespace), namespace }],
        // The rights of the deployer decide in the end; this names what is wrong before it is tried.
        clusterResourceWhitelist: [],
        namespaceResourceWhitelist: deployerKinds,
      },
    },
    { parent: argoCd, dependsOn: facts.ready },
  );
  return new k8s.apiextensions.CustomResource(
    `${name}-application`,
    {
      apiVersion,
      kind: "Application",
      metadata: {
        name: delivery.name,
        namespace,
        labels: labels(delivery.name),
        annotations: {
          [timeoutAnnotation]: delivery.timeout,
          ...(delivery.awaited && { "pulumi.com/waitFor": "jsonpath={.status.health.status}=Healthy" }),
        },
        ...(delivery.prune && { finalizers: ["resources-finalizer.argocd.argoproj.io"] }),
      },
      spec: {
        project: project.metadata.name,
        source: {
          repoURL: repository,
          targetRevision: revisionName(delivery.revision),
          path: delivery.path,
          ...renderingOf(delivery),
        },
        destination: { server: addressOf(namespace), namespace },
        syncPolicy: {
          automated: { prune: delivery.prune, selfHeal: true, ...(delivery.suspend && { enabled: false }) },
          // As often as it takes: it gives up a commit otherwise, also where the reason lay in the cluster and is gone.
          retry: { limit: -1, refresh: true, backoff: { duration: "5s", factor: 2, maxDuration: delivery.interval } },
          syncOptions: ["ServerSideApply=true", "FailOnSharedResource=true"],
        },
        revisionHistoryLimit: 3,
      },
    },
    {
      ...opts,
      ...bounded,
      dependsOn: [
        ...facts.ready,
        project,
        login,
        ...access,
        ...rights,
        ...[opts.dependsOn ?? []].flat(),
      ] as pulumi.Resource[],
    },
  );
};

/** Annotation of an Application: how long it may take until it is healthy. Argo CD has no such bound; `status` holds it. */
export const timeoutAnnotation = "plumbline.dev/timeout";

/** What an app asks for that Argo CD does not do, or not for one app alone. */
const problemsOf = ({ dependsOn, health, images, kind }: Delivery): Problem[] => {
  const problems: Problem[] = [];
  if (dependsOn.length > 0)
    problems.push({
      field: "dependsOn",
      value: dependsOn,
      allowed:
        "nothing with argoCd(): it orders the objects of one app (argocd.argoproj.io/sync-wave), and no app after another; flux() does",
    });
  if (health.length > 0)
    problems.push({
      field: "health",
      value: health,
      allowed: "nothing with argoCd(): it knows health by programs in Lua, for every app alike; flux() reads CEL",
    });
  if (Object.keys(images).length > 0 && kind !== AppKind.Kustomize)
    problems.push({
      field: "images",
      value: images,
      allowed: 'with argoCd() only with kind "kustomize": it changes no plain YAML',
    });
  return problems;
};

/** How the files become objects. Without a kind Argo CD looks itself: a chart, a kustomization, else the folder's own files. */
const renderingOf = ({ kind, name, namespace, images, values, valuesFiles }: Delivery): object => {
  switch (kind) {
    case undefined:
      return {};
    case AppKind.Yaml:
      // The empty field is what the controller makes of a missing one: admission lets it leave a spec as it was.
      return { directory: { recurse: true, include: "{*.yml,*.yaml}", jsonnet: {} } };
    case AppKind.Kustomize:
      return {
        kustomize: {
          namespace,
          ...(Object.keys(images).length > 0 && {
            images: Object.entries(images).map(([image, wanted]) =>
              wanted.startsWith("sha256:") ? `${image}@${wanted}` : `${image}:${wanted}`,
            ),
          }),
        },
      };
    case AppKind.Helm:
      return {
        helm: {
          releaseName: name,
          ...(valuesFiles.length > 0 && { valueFiles: valuesFiles }),
          ...(Object.keys(values).length > 0 && { valuesObject: values }),
        },
      };
    default:
      return kind satisfies never;
  }
};

const projectOf = ({ namespace, name }: Delivery) => (namespace === name ? name : `${namespace}-${name}`);

/** Lets the repository server out to the port of a Git server; once a port. */
const openToGit = (argoCd: ArgoCd, facts: ArgoCdFacts, repository: string): void => {
  const url = new URL(repository);
  const port = Number(url.port) || { "http:": 80, "ssh:": 22 }[url.protocol] || 443;
  if (facts.gitPorts.has(port)) return;
  facts.gitPorts.add(port);
  new k8s.networking.v1.NetworkPolicy(
    `${facts.name}-to-git-${port}`,
    {
      metadata: { name: `to-git-${port}`, namespace: facts.namespace },
      spec: {
        podSelector: { matchLabels: labels(programs.repoServer) },
        policyTypes: ["Egress"],
        egress: [{ ports: [{ protocol: "TCP", port }] }],
      },
    },
    { parent: argoCd, dependsOn: facts.ready },
  );
};

/**
 * The app's namespace as a cluster of Argo CD, once a namespace. Its own way to apply as somebody else is impersonation,
 * which nobody holds here; a token in this Secret would lie there for ever or have to be renewed by somebody. So the
 * Secret holds none: it names a program that gets a token for an hour, whenever the controller needs one.
 */
const loginOf = (
  argoCd: ArgoCd,
  facts: ArgoCdFacts,
  { namespace, deployer, deployerUid }: Delivery,
): k8s.core.v1.Secret => {
  const known = facts.clusters.get(namespace);
  if (known) return known;
  const config = pulumi.all([facts.authority, deployer, deployerUid]).apply(([authority, account, uid]) =>
    JSON.stringify({
      tlsClientConfig: { caData: Buffer.from(authority).toString("base64") },
      execProviderConfig: {
        apiVersion: "client.authentication.k8s.io/v1",
        command: tokenProgram,
        args: [namespace, account],
        // The controller keeps a token by the words with which it got it: an account that was made anew has others.
        env: { DEPLOYER_UID: uid },
      },
    }),
  );
  const made = new k8s.core.v1.Secret(
    `${facts.name}-namespace-${namespace}`,
    {
      metadata: {
        name: `namespace-${namespace}`,
        namespace: facts.namespace,
        labels: { ...partOf, "argocd.argoproj.io/secret-type": "cluster" },
      },
      stringData: {
        name: namespace,
        server: addressOf(namespace),
        namespaces: namespace,
        clusterResources: "false",
        config,
      },
    },
    { parent: argoCd, dependsOn: facts.ready },
  );
  facts.clusters.set(namespace, made);
  return made;
};

/** What the controller and the app itself may do in the app's namespace. */
const rightsOfController = (
  facts: ArgoCdFacts,
  name: string,
  delivery: Delivery,
  opts: pulumi.ComponentResourceOptions,
): pulumi.Resource[] => {
  const { namespace, deployer } = delivery;
  const grants = [
    {
      word: "agent",
      rule: { apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: [deployer], verbs: ["create"] },
      subject: { kind: "ServiceAccount", name: programs.controller, namespace: facts.namespace },
    },
    // An app may read what the agent recorded about it, to say which commit delivered it.
    {
      word: "delivery-record",
      rule: { apiGroups: [argoproj], resources: ["applications"], resourceNames: [delivery.name], verbs: ["get"] },
      subject: { kind: "Group", name: `system:serviceaccounts:${namespace}`, apiGroup: rbac },
    },
  ];
  return grants.map(({ word, rule, subject }) => {
    const metadata = { name: `${delivery.name}:${word}`, namespace };
    new k8s.rbac.v1.Role(`${name}-${word}`, { metadata, rules: [rule] }, opts);
    return new k8s.rbac.v1.RoleBinding(
      `${name}-${word}`,
      { metadata, roleRef: { apiGroup: rbac, kind: "Role", name: metadata.name }, subjects: [subject] },
      opts,
    );
  });
};
