// Lines kept for three months by VictoriaLogs, and brought there from every pod of the cluster.
import { OtelCollector, VictoriaLogs } from "../components/index.ts";

const logs = new VictoriaLogs("logs", { retention: "90d", storage: "20Gi" });
new OtelCollector("collector", { pushUrl: logs.pushUrl, buffer: "256Mi" });

export const { queryUrl } = logs;
