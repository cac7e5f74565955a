// Lines of all pods of a cluster, to a Loki that somebody else runs; those of two namespaces to a tenant of their own.
import { Fluentd } from "../components/index.ts";

const collector = new Fluentd("collector", {
  lokiUrl: "https://loki.example.com",
  tenants: [{ name: "shop", namespaces: ["shop", "shop-db"] }],
  firstLine: "[0-9]{4}-[0-9]{2}-[0-9]{2}",
  buffer: "2Gi",
});

export const { daemonSet } = collector;
