// Can the platform be put on a cluster? What it lacks is told at once, before anything is written.
import { log } from "@pulumi/pulumi";
import { fieldManager } from "./cluster.ts";
import { type Place, type Server, serverOf } from "./kubeconfig.ts";

/** Oldest minor version of Kubernetes 1 whose admission (ValidatingAdmissionPolicy v1) the platform can use. */
const oldestMinor = 30;

/** What whoever applies the platform must be allowed, in every namespace. */
const rights = [
  ["create", "", "namespaces"],
  ["create", "apps", "deployments"],
  ["create", "", "secrets"],
  ["create", "networking.k8s.io", "networkpolicies"],
  ["create", "apiextensions.k8s.io", "customresourcedefinitions"],
  ["create", "rbac.authorization.k8s.io", "clusterrolebindings"],
  // Without these two, nobody may grant what he doesn't have.
  ["escalate", "rbac.authorization.k8s.io", "clusterroles"],
  ["bind", "rbac.authorization.k8s.io", "clusterroles"],
] as const;

/** What the stack expects of the cluster. */
interface Wishes {
  /** StorageClass that must be there, with the reclaim policy Retain. */
  readonly retainingClass?: string;
}

/** Whose kinds are there when a layer already runs, and the way not to have two. */
const layersByGroup: Readonly<Record<string, string>> = {
  "kustomize.toolkit.fluxcd.io": "Flux",
  "argoproj.io": "Argo CD",
  "cert-manager.io": "cert-manager",
  "monitoring.coreos.com": "the Prometheus Operator",
  "external-secrets.io": "External Secrets",
  "traefik.io": "Traefik",
};

/**
 * Refuses a cluster that cannot hold the platform. What may be meant (no default StorageClass, somebody else's layers) is a warning, and so
 * is a cluster that does not answer: Pulumi's own attempt says more about why.
 *
 * @throws Error that lists everything that is missing, each with its way out; or that the kubeconfig or its context does not exist
 */
export const requireCluster = async ({ retainingClass, ...place }: Place & Wishes): Promise<true> => {
  const server = serverOf(place);
  const checks = await Promise.allSettled([
    versionProblems(server),
    rightsProblems(server),
    admissionProblems(server),
    classProblems(server, retainingClass),
    storageWarnings(server),
    layerWarnings(server),
  ]);
  const failed = checks.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (failed) {
    log.warn(
      `${server.url} could not be checked (${(failed.reason as Error).message}); Kubernetes 1.${oldestMinor} or later is needed.`,
    );
  }
  const [version, allowed, admission, storage, ...warnings] = checks.map((each) =>
    each.status === "fulfilled" ? each.value : [],
  );
  for (const warning of warnings.flat()) log.warn(warning);
  // An old cluster lacks what the other checks look for: one way out for all of it.
  const problems = version?.length ? version : [...(allowed ?? []), ...(admission ?? []), ...(storage ?? [])];
  if (problems.length > 0) {
    throw new Error(`${server.url} cannot hold the platform:\n${problems.map((each) => `  ${each}`).join("\n")}`);
  }
  return true;
};

const versionProblems = async ({ ask }: Server): Promise<string[]> => {
  const { major, minor } = await ask<{ major: string; minor: string }>("/version");
  const [one, two] = [Number.parseInt(major, 10), Number.parseInt(minor, 10)];
  return one === 1 && two < oldestMinor
    ? [`it runs Kubernetes ${one}.${two}; the platform needs 1.${oldestMinor} or later: upgrade it`]
    : [];
};

const rightsProblems = async ({ ask }: Server): Promise<string[]> => {
  const allowed = async ([verb, group, resource]: readonly [string, string, string]): Promise<boolean> => {
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb, group, resource } },
    };
    const { status } = await ask<{ status?: { allowed?: boolean } }>(
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      review,
    );
    return status?.allowed === true;
  };
  const answers = await Promise.all(rights.map(async (each) => ({ each, may: await allowed(each) })));
  const missing = answers
    .filter(({ may }) => !may)
    .map(({ each: [verb, group, resource] }) => `${verb} ${group ? `${resource}.${group}` : resource}`);
  return missing.length > 0
    ? [
        `the user of the context may not: ${missing.join(", ")}; bind him to cluster-admin, or to a ClusterRole that allows these`,
      ]
    : [];
};

const admissionProblems = async ({ ask }: Server): Promise<string[]> => {
  const path = "/apis/admissionregistration.k8s.io/v1";
  const { resources = [] } = await ask<{ resources?: { name: string }[] }>(path);
  return resources.some(({ name }) => name === "validatingadmissionpolicies")
    ? []
    : [`it does not serve validatingadmissionpolicies of ${path}: start its API server without switching them off`];
};

const classProblems = async ({ ask }: Server, wanted?: string): Promise<string[]> => {
  if (!wanted) return [];
  type Class = { metadata: { name: string }; reclaimPolicy?: string };
  const { items } = await ask<{ items: Class[] }>("/apis/storage.k8s.io/v1/storageclasses");
  const fit = items.filter(({ reclaimPolicy }) => reclaimPolicy === "Retain").map(({ metadata }) => metadata.name);
  return fit.includes(wanted)
    ? []
    : [
        `it has no StorageClass "${wanted}" with the reclaim policy Retain, which \`retainingClass\` names; such are: ${fit.join(", ") || "none"}`,
      ];
};

const storageWarnings = async ({ url, metadataOf }: Server): Promise<string[]> => {
  const classes = await metadataOf("/apis/storage.k8s.io/v1/storageclasses");
  const marked = classes.some(
    ({ annotations = {} }) => annotations["storageclass.kubernetes.io/is-default-class"] === "true",
  );
  return marked
    ? []
    : [`${url} has no default StorageClass: layers with volumes wait for ever unless they name a \`storageClass\`.`];
};

const layerWarnings = async ({ url, metadataOf }: Server): Promise<string[]> => {
  const definitions = await metadataOf("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
  const others = definitions.filter(
    ({ managedFields = [] }) => !managedFields.some(({ manager }) => manager === fieldManager),
  );
  const found = new Set(others.map(({ name }) => layersByGroup[name.replace(/^[^.]*\./, "")] ?? ""));
  return [...found]
    .filter(Boolean)
    .map(
      (name) =>
        `${url} has the kinds of ${name} already, and not from this platform: take that layer out of the stack, or use the \`external\` one of its slot, unless two are meant.`,
    );
};
