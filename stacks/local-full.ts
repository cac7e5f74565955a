// The whole toolchain on the local cluster: `npm start -- --stack local-full`.
import {
  app,
  certManager,
  definePlatform,
  distribution,
  flux,
  otelCollector,
  prometheus,
  Severity,
  traefik,
  vault,
  victoriaLogs,
} from "../components/index.ts";
import { onThisMachine } from "./shared/local.ts";

export default definePlatform(
  {
    ...onThisMachine,
    name: "local-full",
    apps: [
      app({
        name: "hello",
        source: { path: "apps/hello" },
        kind: "yaml",
        interval: "15s",
        expose: { service: "hello", port: 80, host: "hello.example.test" },
      }),
      app({
        name: "keeper",
        source: { path: "apps/keeper" },
        kind: "yaml",
        interval: "15s",
        secrets: { serviceAccount: "keeper", files: { token: "keeper/example#token" } },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({ release: "1.11" }),
    registry: distribution({
      host: "registry.example.test",
      address: "10.96.0.50",
      storage: { filesystem: { size: "2Gi" } },
      garbageCollection: { schedule: "0 3 * * *" },
    }),
    ingress: traefik({ serviceType: "ClusterIP" }),
    secrets: vault({
      storage: "1Gi",
      refresh: "10s",
      generated: ["keeper/example#token"],
      policies: {
        operator: [
          { path: "secret/*", capabilities: ["create", "read", "update", "delete", "list"] },
          { path: "sys/storage/raft/snapshot", capabilities: ["read", "update"] },
        ],
      },
      roles: [{ name: "operator", serviceAccounts: ["operator"], namespaces: ["operators"], policies: ["operator"] }],
    }),
    logs: victoriaLogs({ storage: "2Gi" }),
    collector: otelCollector({ buffer: "256Mi" }),
    metrics: prometheus({
      interval: "15s",
      storage: "2Gi",
      alerts: [
        {
          name: "HelloFails",
          expr: 'sum(rate(hello_answers_total{code="500"}[1m])) > 0',
          for: "0s",
          severity: Severity.Critical,
          summary: "The example app answers with errors",
        },
      ],
      // The Secret is not of Git: kubectl create secret generic inbox --from-literal url=http://… in namespace monitoring.
      receivers: [{ name: "inbox", webhook: { url: { name: "inbox", key: "url" }, port: 8080 } }],
      grouping: { wait: "5s", interval: "10s" },
    }),
  },
);
