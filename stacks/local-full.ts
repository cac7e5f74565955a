// The whole toolchain on the local cluster: `npm start -- --stack local-full`.
import {
  certManager,
  definePlatform,
  distribution,
  flux,
  otelCollector,
  prometheus,
  traefik,
  vault,
  victoriaLogs,
} from "../components/index.ts";
import { hello, helloFails, inbox, keeper, operators, token } from "./shared/examples.ts";
import { onThisMachine } from "./shared/local.ts";

export default definePlatform(
  { ...onThisMachine, name: "local-full", apps: [hello, keeper] },
  {
    agent: flux({ webhook: { host: "hooks.example.test" } }),
    certificates: certManager({ release: "1.11" }),
    registry: distribution({
      host: "registry.example.test",
      address: "10.96.0.50",
      storage: { filesystem: { size: "2Gi" } },
      garbageCollection: { schedule: "0 3 * * *" },
    }),
    ingress: traefik({ serviceType: "ClusterIP" }),
    secrets: vault({ storage: "1Gi", refresh: "10s", generated: [token], ...operators }),
    logs: victoriaLogs({ storage: "2Gi" }),
    collector: otelCollector({ buffer: "256Mi" }),
    metrics: prometheus({
      interval: "15s",
      storage: "2Gi",
      alerts: [helloFails],
      receivers: [inbox],
      grouping: { wait: "5s", interval: "10s" },
    }),
  },
);
