// The dashboards of the platform in a Grafana that somebody else runs: its sidecar finds them by their label.
import { ExternalDashboards } from "../components/index.ts";

export const { url } = new ExternalDashboards("dashboards", {
  url: "https://grafana.example.com",
  namespace: "monitoring",
});
