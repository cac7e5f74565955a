// Which writes depend on more than a name: those of nodes about themselves, and those of deployers within their namespace.
import { every, literal, some } from "./cel.ts";
import { names, platformLabel } from "./identities.ts";

const self = "variables.who.substring(12)"; // what follows "system:node:"

/** CEL: a node writes about itself, its pods, and asks for the tokens of its pods. */
export const nodesOnly = every(
  '"system:nodes" in variables.groups',
  'variables.who.startsWith("system:node:")',
  some(
    every('variables.what in ["CREATE nodes", "UPDATE nodes", "UPDATE nodes/status"]', `request.name == ${self}`),
    every(
      'variables.resource == "coordination.k8s.io/leases"',
      'variables.ns == "kube-node-lease"',
      `request.name == ${self}`,
    ),
    every('variables.resource == "storage.k8s.io/csinodes"', `request.name == ${self}`),
    every(
      'variables.what in ["UPDATE pods/status", "DELETE pods"]',
      "has(oldObject.spec.nodeName)",
      `oldObject.spec.nodeName == ${self}`,
    ),
    every(
      'variables.what == "CREATE serviceaccounts/token"',
      `request.name != ${literal(names.deployer)}`,
      "has(object.spec.boundObjectRef)",
      'object.spec.boundObjectRef.kind == "Pod"',
    ),
    'variables.what in ["CREATE pods/eviction", "UPDATE persistentvolumeclaims/status", "CREATE certificates.k8s.io/certificatesigningrequests", "CREATE certificates.k8s.io/podcertificaterequests", "CREATE resource.k8s.io/resourceslices", "UPDATE resource.k8s.io/resourceslices", "DELETE resource.k8s.io/resourceslices"]',
  ),
);

// What a repository of an app may not change even in its own namespace: who may do what there, how much it may use, how it
// is delivered, and with which rights.
const beyondDeployers = [
  "rbac.authorization.k8s.io",
  "admissionregistration.k8s.io",
  "authentication.k8s.io",
  "certificates.k8s.io",
];
const beyondDeployersResources = ["namespaces", "resourcequotas", "limitranges", "events", "bindings"];

const unmarked = (version: string) =>
  `!has(${version}.metadata.labels) || !(${literal(platformLabel)} in ${version}.metadata.labels)`;

/** CEL: the deployer of a namespace writes there what an app consists of. */
export const deployersOnly = every(
  `variables.ns != "" && variables.who == "system:serviceaccount:" + variables.ns + ":${names.deployer}"`,
  'variables.part == ""',
  `!(request.resource.group in ${literal(beyondDeployers)})`,
  '!request.resource.group.endsWith(".toolkit.fluxcd.io")',
  '!(request.resource.group == "argoproj.io" && request.resource.resource in ["applications", "applicationsets", "appprojects"])',
  `!(request.resource.resource in ${literal(beyondDeployersResources)})`,
  `request.resource.resource != "serviceaccounts" || request.name != ${literal(names.deployer)}`,
  // How it is delivered, exposed and given its secrets: objects that stand beside the app's own.
  `(object == null || ${unmarked("object")})`,
  `(oldObject == null || ${unmarked("oldObject")})`,
);
