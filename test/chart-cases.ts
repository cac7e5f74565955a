// With which arguments is every layer of a vendor's chart looked at? Each argument that becomes a value has one that is no default.
import type { ExternalSecretsArgs, FluentdArgs, IngressNginxArgs } from "../components/index.ts";

export const ingressNginx: IngressNginxArgs = {
  namespace: "edge",
  ingressClass: "edge",
  size: "ha",
  serviceType: "NodePort",
  serviceAnnotations: { "example.com/kind": "nlb" },
  mirror: "registry.example.com/mirror/",
};

export const externalSecrets: ExternalSecretsArgs = {
  store: { aws: { region: "eu-central-1" } },
  namespace: "stores",
  size: "ha",
  identity: { "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/stores" },
  mirror: "registry.example.com/mirror/",
};

export const fluentd: FluentdArgs = {
  lokiUrl: "https://loki.example.com/",
  namespace: "lines",
  tenant: "rest",
  tenants: [{ name: "shop", namespaces: ["shop", "shop-db"] }],
  firstLine: "[0-9]{4}/",
  buffer: "256Mi",
  folder: "/srv/lines",
  mirror: "registry.example.com/mirror/",
};
