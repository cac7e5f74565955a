// Dashboards on any cluster that has a Prometheus. The Secret with the client's secret is put there by whoever keeps secrets.
import { Grafana } from "../components/index.ts";

const dashboards = new Grafana("dashboards", {
  metricsUrl: "http://prometheus.monitoring.svc.cluster.local:9090",
  url: "https://grafana.example.com",
  oidc: {
    clientId: "grafana",
    clientSecret: { name: "oidc", key: "secret" },
    authorizationUrl: "https://id.example.com/authorize",
    tokenUrl: "https://id.example.com/token",
    userUrl: "https://id.example.com/userinfo",
    admins: ["platform"],
  },
});

export const { url } = dashboards;
