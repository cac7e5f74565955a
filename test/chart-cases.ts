// With which arguments is every layer of a vendor's chart looked at? Each argument that becomes a value has one that is no default.
import type {
  CertManagerArgs,
  ExternalSecretsArgs,
  FluentdArgs,
  GrafanaArgs,
  IngressNginxArgs,
  TraefikArgs,
} from "../components/index.ts";

export const ingressNginx: IngressNginxArgs = {
  namespace: "edge",
  ingressClass: "edge",
  size: "ha",
  serviceType: "NodePort",
  serviceAnnotations: { "example.com/kind": "nlb" },
  mirror: "registry.example.com/mirror/",
};

export const traefik: TraefikArgs = {
  namespace: "front",
  ingressClass: "front",
  size: "ha",
  serviceType: "NodePort",
  serviceAnnotations: { "example.com/kind": "nlb" },
  mirror: "registry.example.com/mirror/",
};

export const certManager: CertManagerArgs = {
  namespace: "signers",
  size: "ha",
  acme: { email: "ops@example.com", http01: { ingressClass: "front" } },
  duration: "48h",
  renewBefore: "24h",
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

const key = (name: string) => ({ name, key: "secret" });

export const grafana: GrafanaArgs = {
  metricsUrl: "http://prometheus.monitoring.svc.cluster.local:9090",
  alertsUrl: "http://alertmanager.monitoring.svc.cluster.local:9093",
  logsUrl: "http://loki.loki.svc.cluster.local:3100",
  logsTenant: "platform|shop",
  namespace: "boards",
  size: "ha",
  url: "https://grafana.example.com",
  mirror: "registry.example.com/mirror/",
  oidc: {
    name: "Example",
    clientId: "grafana",
    clientSecret: key("client"),
    authorizationUrl: "https://id.example.com/authorize",
    tokenUrl: "https://id.example.com:8443/token",
    userUrl: "https://id.example.com/userinfo",
    scopes: ["groups"],
    admins: ["platform"],
    viewers: ["staff", "guests"],
  },
  database: { host: "db.example.com:5433", name: "grafana", user: "grafana", password: key("db"), tls: "verify-full" },
  dashboards: [
    {
      name: "shop",
      title: "Shop",
      folder: "Team Shop",
      rows: [{ title: "Orders", panels: [{ title: "Orders", queries: [{ expr: "sum(orders_total)" }] }] }],
    },
  ],
};
