// Who may write what? The table identity × verb × resource that admission enforces; whoever is not in it writes nothing.
import { type Grant, grant, type Identity, partsOf, within } from "./identity.ts";
import { layerIdentities } from "./layer-identities.ts";

export type { Grant, Identity, Verb } from "./identity.ts";

/** What a person or a pipeline is called towards the API server. */
export const names = {
  /** Group of the identity that runs Pulumi. */
  ci: "plumbline:ci",
  /** Group of the people who read. */
  developers: "plumbline:developers",
  /** User of the Git server that tells the agent of a push. */
  notifier: "plumbline:git-notifier",
  /** ServiceAccount of an app's namespace with whose token the agent applies the app. */
  deployer: "deployer",
  /** ClusterRoles and ClusterRoleBindings that the bootstrap credential may write, and nothing else. */
  bootstrapObjects: ["plumbline-ci", "plumbline-kubelet-client"],
  /** User as which the API server calls kubelets: the only one with the built-in role for that. */
  kubeletClient: "plumbline:kubelet-client",
} as const;

/** Annotation of a namespace that says where its content comes from, as "<repository> <path>". */
export const sourceAnnotation = "plumbline.dev/source";

/** Label of what the platform itself declares in an app's namespace: the app's own repository may not touch it. */
export const platformLabel = "plumbline.dev/platform";

/** Where the platform's own programs stand. */
export const namespaces = { system: "kube-system", agent: "flux-system", storage: "local-path-storage" } as const;

const controller = (name: string, ...grants: Grant[]): Identity => ({
  serviceAccount: `${namespaces.system}:${name}`,
  grants,
});

// The loops of kube-controller-manager, each under its own ServiceAccount (--use-service-account-credentials). A test
// compares this list with the roles that the API server makes for them.
const controllers: readonly Identity[] = [
  controller(
    "attachdetach-controller",
    grant("update", "nodes/status"),
    grant("create delete", "storage.k8s.io/volumeattachments"),
  ),
  controller(
    "certificate-controller",
    grant("delete", "certificates.k8s.io/certificatesigningrequests"),
    grant("update", ...partsOf("certificates.k8s.io/certificatesigningrequests", "approval", "status")),
  ),
  controller("clusterrole-aggregation-controller", grant("update", "rbac.authorization.k8s.io/clusterroles")),
  controller(
    "cronjob-controller",
    grant("update", "batch/cronjobs", "batch/cronjobs/status", "batch/cronjobs/finalizers"),
    grant("create update delete", "batch/jobs"),
    grant("delete", "pods"),
  ),
  controller(
    "daemon-set-controller",
    grant("update", "apps/daemonsets/status", "apps/daemonsets/finalizers"),
    grant("create update delete", "pods", "apps/controllerrevisions"),
    grant("create", "pods/binding"),
  ),
  controller(
    "deployment-controller",
    grant("update", "apps/deployments", "apps/deployments/status", "apps/deployments/finalizers", "pods"),
    grant("create update delete", "apps/replicasets"),
  ),
  controller(
    "device-taint-eviction-controller",
    grant("delete", "pods"),
    grant("update", "pods/status", ...partsOf("resource.k8s.io/devicetaintrules", "status")),
  ),
  controller("disruption-controller", grant("update", "policy/poddisruptionbudgets/status", "pods/status")),
  controller(
    "endpoint-controller",
    grant("create update delete", "endpoints"),
    grant("create", "endpoints/restricted"),
  ),
  controller(
    "endpointslice-controller",
    grant("update", "services/finalizers"),
    grant("create update delete", "discovery.k8s.io/endpointslices"),
  ),
  controller(
    "endpointslicemirroring-controller",
    grant("update", "services/finalizers", "endpoints/finalizers"),
    grant("create update delete", "discovery.k8s.io/endpointslices"),
  ),
  controller(
    "ephemeral-volume-controller",
    grant("update", "pods/finalizers"),
    grant("create", "persistentvolumeclaims"),
  ),
  controller("expand-controller", grant("update", "persistentvolumes", "persistentvolumeclaims/status")),
  controller("generic-garbage-collector", grant("update delete", "*")),
  controller("horizontal-pod-autoscaler", grant("update", "autoscaling/horizontalpodautoscalers/status", "*/scale")),
  controller(
    "job-controller",
    grant("update", "batch/jobs", "batch/jobs/status", "batch/jobs/finalizers"),
    grant("create update delete", "pods"),
  ),
  controller(
    "kube-apiserver-serving-clustertrustbundle-publisher",
    grant("create update delete", "certificates.k8s.io/clustertrustbundles"),
  ),
  controller("legacy-service-account-token-cleaner", grant("update delete", "secrets")),
  controller("namespace-controller", grant("update", "namespaces/finalize", "namespaces/status"), grant("delete", "*")),
  controller(
    "node-controller",
    grant("update delete", "nodes"),
    grant("update", "nodes/status", "pods/status"),
    grant("delete", "pods"),
  ),
  controller(
    "persistent-volume-binder",
    grant("create update delete", "persistentvolumes"),
    grant("update", "persistentvolumes/status", "persistentvolumeclaims", "persistentvolumeclaims/status"),
    grant("create delete", "pods"),
  ),
  controller("pod-garbage-collector", grant("delete", "pods"), grant("update", "pods/status")),
  controller("podcertificaterequestcleaner", grant("delete", "certificates.k8s.io/podcertificaterequests")),
  controller("pv-protection-controller", grant("update", "persistentvolumes")),
  controller("pvc-protection-controller", grant("update", "persistentvolumeclaims", "persistentvolumeclaims/status")),
  controller(
    "replicaset-controller",
    grant("update", "apps/replicasets", "apps/replicasets/status", "apps/replicasets/finalizers"),
    grant("create update delete", "pods"),
  ),
  controller(
    "replication-controller",
    grant("update", "replicationcontrollers", "replicationcontrollers/status", "replicationcontrollers/finalizers"),
    grant("create update delete", "pods"),
  ),
  controller(
    "resource-claim-controller",
    grant(
      "update",
      "pods/finalizers",
      "pods/status",
      ...partsOf("resource.k8s.io/resourceclaims", "status", "binding"),
    ),
    grant("create update delete", "resource.k8s.io/resourceclaims"),
  ),
  controller("resourcequota-controller", grant("update", "resourcequotas/status")),
  controller("root-ca-cert-publisher", grant("create update", "configmaps")),
  controller("route-controller", grant("update", "nodes/status")),
  controller("service-account-controller", grant("create", "serviceaccounts")),
  controller(
    "service-cidrs-controller",
    grant(
      "update",
      "networking.k8s.io/servicecidrs",
      ...partsOf("networking.k8s.io/servicecidrs", "finalizers", "status"),
    ),
  ),
  controller("service-controller", grant("update", "services/status")),
  controller(
    "statefulset-controller",
    grant("update", "apps/statefulsets/status", "apps/statefulsets/finalizers", "pods/finalizers"),
    grant("create update delete", "pods", "apps/controllerrevisions", "persistentvolumeclaims"),
  ),
  controller("ttl-after-finished-controller", grant("delete", "batch/jobs")),
  controller("ttl-controller", grant("update", "nodes")),
  controller(
    "validatingadmissionpolicy-status-controller",
    grant("update", ...partsOf("admissionregistration.k8s.io/validatingadmissionpolicies", "status")),
  ),
  controller("volumeattributesclass-protection-controller", grant("update", "storage.k8s.io/volumeattributesclasses")),
  {
    // It starts the loops: their ServiceAccounts and tokens, nothing of anybody else's.
    user: "system:kube-controller-manager",
    grants: within(namespaces.system, grant("create update", "serviceaccounts", "coordination.k8s.io/leases"), {
      ...grant("create", "serviceaccounts/token"),
      when: `request.name != "${names.deployer}"`,
    }),
  },
  {
    user: "system:kube-scheduler",
    grants: [
      ...within(
        namespaces.system,
        grant("create update", "coordination.k8s.io/leases"),
        grant("create update delete", "coordination.k8s.io/leasecandidates"),
      ),
      grant("create", "bindings", "pods/binding"),
      grant("delete", "pods"),
      grant("update", "pods/status", "pods/finalizers", "persistentvolumes", "persistentvolumeclaims"),
      grant("create update delete", "resource.k8s.io/resourceclaims"),
      grant("update", ...partsOf("resource.k8s.io/resourceclaims", "status", "binding")),
    ],
  },
  { user: "system:kube-proxy", grants: [] },
];

const flux = "toolkit.fluxcd.io";
const addOns: readonly Identity[] = [
  {
    serviceAccount: `${namespaces.agent}:source-controller`,
    grants: [
      grant(
        "update",
        ...["gitrepositories", "helmcharts", "ocirepositories"].flatMap((kind) =>
          ["", "/status", "/finalizers"].map((part) => `source.${flux}/${kind}${part}`),
        ),
      ),
      ...within(namespaces.agent, grant("create update", "coordination.k8s.io/leases", "configmaps")),
    ],
  },
  {
    serviceAccount: `${namespaces.agent}:kustomize-controller`,
    grants: [
      grant("update", ...["", "/status", "/finalizers"].map((part) => `kustomize.${flux}/kustomizations${part}`)),
      ...within(namespaces.agent, grant("create update", "coordination.k8s.io/leases", "configmaps")),
      // It applies an app with the token of that app's deployer, and with no other.
      { ...grant("create", "serviceaccounts/token"), when: `request.name == "${names.deployer}"` },
    ],
  },
  {
    serviceAccount: `${namespaces.agent}:helm-controller`,
    grants: [
      grant("update", ...["", "/status", "/finalizers"].map((part) => `helm.${flux}/helmreleases${part}`)),
      ...within(namespaces.agent, grant("create update", "coordination.k8s.io/leases", "configmaps")),
      { ...grant("create", "serviceaccounts/token"), when: `request.name == "${names.deployer}"` },
    ],
  },
  {
    serviceAccount: `${namespaces.storage}:local-path-provisioner`,
    grants: [
      grant("create update delete", "persistentvolumes"),
      grant("update", "persistentvolumeclaims"),
      ...within(
        namespaces.storage,
        grant("create delete", "pods"),
        grant("create update", "endpoints", "coordination.k8s.io/leases"),
      ),
    ],
  },
  {
    // Tells the agent that somebody pushed: one annotation, everything else as it was.
    user: names.notifier,
    grants: [asksFlux("gitrepositories"), asksArgoCd()],
  },
  // The receivers of push events, which tell the same.
  { serviceAccount: `${namespaces.agent}:webhook`, grants: [asksFlux("gitrepositories", "ocirepositories")] },
  { serviceAccount: "argocd:webhook", grants: [asksArgoCd()] },
];

/** The table, without what needs more than a name: nodes, deployers and the bootstrap credential (admission.ts has them). */
export const identities: readonly Identity[] = [...controllers, ...addOns, ...layerIdentities];

/**
 * Writes that upstream's roles give a controller and this table does not, with the reason. A test compares both.
 * `<name> <verb> <resource>`.
 */
export const withheld: Readonly<Record<string, string>> = {
  "storage-version-migrator-controller": "rewrites every object; nothing here asks for a migration",
  "system:kube-controller-manager secrets": "made legacy tokens, which nobody may have",
};

function asksFlux(...kinds: string[]): Grant {
  const on = kinds.map((kind) => `source.${flux}/${kind}`);
  return { verbs: ["update"], on, when: onlyAnnotation("reconcile.fluxcd.io/requestedAt") };
}

function asksArgoCd(): Grant {
  return { verbs: ["update"], on: ["argoproj.io/applications"], when: onlyAnnotation("argocd.argoproj.io/refresh") };
}

/** CEL: nothing differs but one annotation and what the API server itself writes with every update. */
function onlyAnnotation(key: string): string {
  const bookkeeping = '["annotations", "managedFields", "resourceVersion", "generation"]';
  const metadata = (one: string, other: string) =>
    `${one}.metadata.all(k, k in ${bookkeeping} || (k in ${other}.metadata && ${one}.metadata[k] == ${other}.metadata[k]))`;
  const annotations = (one: string, other: string) =>
    `(!("annotations" in ${one}.metadata) || ${one}.metadata.annotations.all(k, k == "${key}" || ` +
    `("annotations" in ${other}.metadata && k in ${other}.metadata.annotations && ${one}.metadata.annotations[k] == ${other}.metadata.annotations[k])))`;
  const rest = (one: string, other: string) =>
    `${one}.all(k, k == "metadata" || (k in ${other} && ${one}[k] == ${other}[k]))`;
  return [metadata, annotations, rest]
    .flatMap((same) => [same("object", "oldObject"), same("oldObject", "object")])
    .join(" && ");
}
