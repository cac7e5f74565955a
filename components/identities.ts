// What may people do? Look at everything but Secrets; changes come through Git.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of {@link Identities}. */
export interface IdentitiesArgs {
  /** Group of the people who may look. Default: "plumbline:developers". */
  developers?: string;
}

const look = ["get", "list", "watch"];

// RBAC knows no "all but": the core group is listed without `secrets`. Reading `pods/exec`, `pods/attach`,
// `pods/portforward` and any `proxy` would open a stream or a tunnel, so subresources are named one by one.
const core = [
  "configmaps",
  "endpoints",
  "events",
  "limitranges",
  "namespaces",
  "nodes",
  "persistentvolumeclaims",
  "persistentvolumes",
  "pods",
  "pods/log",
  "pods/status",
  "podtemplates",
  "replicationcontrollers",
  "resourcequotas",
  "serviceaccounts",
  "services",
];

const groups = [
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "apps",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "metrics.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
  // Kinds of the layers.
  "acme.cert-manager.io",
  "argoproj.io",
  "cert-manager.io",
  "gateway.networking.k8s.io",
  "helm.toolkit.fluxcd.io",
  "kustomize.toolkit.fluxcd.io",
  "source.toolkit.fluxcd.io",
  "traefik.io",
];

/**
 * Rights of people, and the namespace that records what was deployed.
 *
 * @example
 * new Identities("identities");
 */
export class Identities extends pulumi.ComponentResource {
  constructor(name: string, args: IdentitiesArgs = {}, opts: pulumi.ComponentResourceOptions = {}) {
    super("plumbline:index:Identities", name, { ...args }, opts);
    const parent = { parent: this };
    const group = args.developers ?? "plumbline:developers";
    const role = new k8s.rbac.v1.ClusterRole(
      `${name}-developer`,
      {
        metadata: { name: "plumbline:developer" },
        rules: [
          { apiGroups: [""], resources: core, verbs: look },
          // Nothing in these groups holds a secret or opens a stream.
          { apiGroups: groups, resources: ["*"], verbs: look },
          { nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/metrics"], verbs: ["get"] },
        ],
      },
      parent,
    );
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-developer`,
      {
        metadata: { name: "plumbline:developer" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
        subjects: [{ kind: "Group", name: group, apiGroup: "rbac.authorization.k8s.io" }],
      },
      parent,
    );
    new k8s.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: "plumbline-system",
          annotations: { "plumbline.dev/holds": "the record of the last deployment: revision, actor, time" },
        },
      },
      parent,
    );
    this.registerOutputs({});
  }
}
