// What may cert-manager do? Each program its own rights, taken from what its controllers call, and no more.
import type { input as inputs } from "@pulumi/kubernetes/types/index.js";

type Rules = inputs.rbac.v1.PolicyRule[];

const group = "cert-manager.io";
const acme = "acme.cert-manager.io";
const read = ["get", "list", "watch"];
const write = ["create", "update", "patch", "delete"];
const events = { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] };

/**
 * Of the controller. It keeps keys and certificates in Secrets of the namespaces where they are asked for, so it reads and
 * writes the Secrets of all of them: no release of cert-manager can do with less.
 */
export const controllerRules: Rules = [
  {
    apiGroups: [group],
    resources: ["issuers", "clusterissuers", "certificates"],
    verbs: [...read, "update", "patch"],
  },
  { apiGroups: [group], resources: ["certificaterequests"], verbs: [...read, ...write] },
  {
    apiGroups: [group],
    resources: ["issuers/status", "clusterissuers/status", "certificates/status", "certificaterequests/status"],
    verbs: ["update", "patch"],
  },
  { apiGroups: [group], resources: ["certificates/finalizers", "certificaterequests/finalizers"], verbs: ["update"] },
  {
    apiGroups: [group],
    resources: ["signers"],
    resourceNames: [`issuers.${group}/*`, `clusterissuers.${group}/*`],
    verbs: ["approve"],
  },
  { apiGroups: [""], resources: ["secrets"], verbs: [...read, ...write] },
  events,
];

/** Of the controller as well where certificates come from an ACME server: orders, challenges and what answers them. */
export const acmeRules: Rules = [
  { apiGroups: [acme], resources: ["orders", "challenges"], verbs: [...read, ...write] },
  {
    apiGroups: [acme],
    resources: ["orders/status", "challenges/status", "orders/finalizers", "challenges/finalizers"],
    verbs: ["update", "patch"],
  },
];

/** Of the controller as well where it answers HTTP-01: a pod, a Service and a route for each challenge. */
export const http01Rules: Rules = [
  { apiGroups: [""], resources: ["pods", "services"], verbs: [...read, "create", "delete"] },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: [...read, "create", "update", "delete"] },
  {
    apiGroups: ["gateway.networking.k8s.io"],
    resources: ["httproutes"],
    verbs: [...read, "create", "update", "delete"],
  },
];

/** Of the cainjector: it puts the webhook's authority into the webhook's registration. */
export const injectorRules: Rules = [
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
    verbs: read,
  },
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
    resourceNames: ["cert-manager-webhook"],
    verbs: ["update", "patch"],
  },
  // It starts no loop before it has listed all that it could inject into.
  { apiGroups: ["apiregistration.k8s.io"], resources: ["apiservices"], verbs: read },
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: read },
  { apiGroups: [group], resources: ["certificates"], verbs: read },
  events,
];

/** Of the webhook: it asks whether somebody may approve a request. */
export const webhookRules: Rules = [
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

/** Of each program within its own namespace, by the name of its ServiceAccount. */
export const ownRules: Readonly<Record<string, Rules>> = {
  "cert-manager": leader("cert-manager-controller"),
  "cert-manager-cainjector": [
    ...leader("cert-manager-cainjector-leader-election", "cert-manager-cainjector-leader-election-core"),
    { apiGroups: [""], resources: ["secrets"], verbs: read },
  ],
  "cert-manager-webhook": [
    {
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: ["cert-manager-webhook-ca"],
      verbs: [...read, "update"],
    },
    { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
  ],
};

function leader(...names: string[]): Rules {
  return [
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: names,
      verbs: ["get", "update", "patch"],
    },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  ];
}
