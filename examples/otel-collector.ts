// Lines of all pods of a cluster, from each node to whoever keeps them; entries of the pods here begin with a date.
import { OtelCollector } from "../components/index.ts";

export const { daemonSet } = new OtelCollector("collector", {
  pushUrl: "http://loki.logs.svc.cluster.local:3100/otlp",
  tenants: [{ name: "shop", namespaces: ["shop", "shop-db"] }],
  firstLine: "[0-9]{4}-[0-9]{2}-[0-9]{2}",
  buffer: "256Mi",
});
