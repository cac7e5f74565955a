// Figures and alerts on any cluster. The Secret with the webhook's URL is put there by whoever keeps secrets.
import { Prometheus, Severity } from "../components/index.ts";

const metrics = new Prometheus("metrics", {
  storage: "2Gi",
  alerts: [
    {
      name: "ShopFails",
      expr: 'sum(rate(http_requests_total{app="shop",code=~"5.."}[5m])) > 0',
      severity: Severity.Critical,
      summary: "The shop answers with errors",
    },
  ],
  receivers: [{ name: "team", webhook: { url: { name: "team", key: "url" } } }],
});

export const { queryUrl, alertsUrl } = metrics;
