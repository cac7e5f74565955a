// What may the programs of the layers write? Rows of the same table, by layer.
import { grant, type Identity, partsOf, within } from "./identity.ts";

const certificates = "cert-manager.io";
const acme = "acme.cert-manager.io";
const parts = (kind: string): string[] => [kind, `${kind}/status`, `${kind}/finalizers`];
const labelled = (label: string) =>
  ["object", "oldObject"]
    .map((each) => `(${each} == null || (has(${each}.metadata.labels) && "${label}" in ${each}.metadata.labels))`)
    .join(" && ");

const certManager: readonly Identity[] = [
  {
    serviceAccount: "cert-manager:cert-manager",
    grants: [
      grant(
        "update",
        ...["issuers", "clusterissuers", "certificates"].flatMap((kind) => parts(`${certificates}/${kind}`)),
      ),
      grant("create update delete", ...parts(`${certificates}/certificaterequests`)),
      grant("create update delete", ...["orders", "challenges"].flatMap((kind) => parts(`${acme}/${kind}`))),
      // A certificate with its key, in the namespace that asked for it: no other Secret of an app.
      {
        ...grant("create update", "secrets"),
        when: 'object.type == "kubernetes.io/tls" || request.namespace == "cert-manager"',
      },
      { ...grant("create update delete", "secrets"), when: labelled("cert-manager.io/next-private-key") },
      // What answers an ACME server's question over HTTP, while it asks.
      {
        ...grant("create update delete", "pods", "services", "networking.k8s.io/ingresses"),
        when: labelled("acme.cert-manager.io/http01-solver"),
      },
    ],
  },
  {
    serviceAccount: "cert-manager:cert-manager-cainjector",
    grants: [
      {
        ...grant(
          "update",
          "admissionregistration.k8s.io/validatingwebhookconfigurations",
          "admissionregistration.k8s.io/mutatingwebhookconfigurations",
        ),
        when: 'request.name == "cert-manager-webhook"',
      },
    ],
  },
  {
    serviceAccount: "cert-manager:cert-manager-webhook",
    grants: [
      {
        ...grant("create update", "secrets"),
        namespaces: ["cert-manager"],
        when: 'object.metadata.name == "cert-manager-webhook-ca"',
      },
    ],
  },
];

const gateway = "gateway.networking.k8s.io";
const traefik = (namespace: string): Identity => ({
  serviceAccount: `${namespace}:traefik`,
  grants: [
    grant(
      "update",
      ...partsOf("networking.k8s.io/ingresses", "status"),
      ...["gatewayclasses", "gateways", "httproutes", "grpcroutes", "backendtlspolicies"].map(
        (kind) => `${gateway}/${kind}/status`,
      ),
    ),
  ],
});

const ingressNginx: Identity = {
  serviceAccount: "ingress-nginx:ingress-nginx",
  grants: [grant("update", ...partsOf("networking.k8s.io/ingresses", "status"))],
};

const es = "external-secrets.io";
const externalSecrets: readonly Identity[] = [
  {
    serviceAccount: "external-secrets:external-secrets",
    grants: [
      grant("update", ...["secretstores", "externalsecrets"].flatMap((kind) => parts(`${es}/${kind}`))),
      // What it copies for an app, and no other Secret.
      { ...grant("create update delete", "secrets"), when: labelled("reconcile.external-secrets.io/managed") },
    ],
  },
  {
    serviceAccount: "external-secrets:external-secrets-cert-controller",
    grants: [
      {
        ...grant("update", "admissionregistration.k8s.io/validatingwebhookconfigurations"),
        when: 'request.name in ["secretstore-validate", "externalsecret-validate"]',
      },
      {
        ...grant("update", "secrets"),
        namespaces: ["external-secrets"],
        when: 'request.name == "external-secrets-webhook"',
      },
    ],
  },
];
const vault: Identity = {
  serviceAccount: "vault:vault-configurator",
  grants: within("vault", { ...grant("create", "secrets"), when: 'object.metadata.name == "vault-keys"' }),
};

const argoCd: Identity = {
  serviceAccount: "argocd:argocd-application-controller",
  grants: [
    // What it found and does, its finalizer; how an app is delivered is the platform's.
    { ...grant("update", "argoproj.io/applications"), when: "object.spec == oldObject.spec" },
    // It applies an app with the token of that app's deployer, and with no other.
    { ...grant("create", "serviceaccounts/token"), when: 'request.name == "deployer"' },
  ],
};

/** The rows of all layers. */
export const layerIdentities: readonly Identity[] = [
  ...certManager,
  traefik("traefik"),
  traefik("gateway-api"),
  ingressNginx,
  ...externalSecrets,
  vault,
  argoCd,
];
