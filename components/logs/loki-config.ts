// What does Loki read at its start? Its configuration, what single tenants have of their own, and the rules.
import { dump } from "js-yaml";
import { writtenAlert } from "../alerts.ts";
import type { LogAlertArgs, LokiTenantArgs } from "./loki.ts";
import type { Store } from "./loki-storage.ts";
import { platformTenant } from "./tenants.ts";

/** Ports of every Loki. */
export const ports = { http: 3100, grpc: 9095, memberlist: 7946 } as const;

/** What the configuration depends on. */
export interface LokiFacts {
  readonly namespace: string;
  /** Whether it is several programs that find each other, or one. */
  readonly scalable: boolean;
  readonly store: Store;
  /** As a Prometheus duration. */
  readonly retention: string;
  /** Megabytes per second. */
  readonly ingestionRate: number;
  readonly alertmanagerUrl: string | undefined;
}

/**
 * Labels by which lines are found fast; all else that is known of a line (commit, node, level) is kept beside it and is
 * filtered by: `{namespace="shop"} | commit="…"`.
 *
 * `pod` is one of them in spite of its many values: each pod is read by one collector and in order, while lines of a stream
 * that are an hour older than its newest are refused. Were several nodes to share a stream, a collector that catches up
 * after an outage would lose what another node's pod has overtaken.
 */
export const indexLabels = ["namespace", "pod", "container", "app"] as const;

const yaml = (value: unknown): string => dump(value, { lineWidth: -1, noRefs: true });

/** The configuration file, the same for every target. */
export const lokiConfig = (facts: LokiFacts): string => {
  const { namespace, scalable, store, retention, ingestionRate, alertmanagerUrl } = facts;
  return yaml({
    // Always, with one tenant too: what was kept before a stack named tenants stays where it is.
    auth_enabled: true,
    server: { http_listen_port: ports.http, grpc_listen_port: ports.grpc, log_format: "json" },
    common: {
      path_prefix: "/var/loki",
      replication_factor: scalable ? 3 : 1,
      ring: { kvstore: { store: scalable ? "memberlist" : "inmemory" } },
      ...(scalable
        ? { compactor_grpc_address: `loki-backend.${namespace}.svc.cluster.local:${ports.grpc}` }
        : { instance_addr: "127.0.0.1" }),
      storage: { [store.type]: store.config },
    },
    ...(scalable && {
      memberlist: { join_members: [`loki-peers.${namespace}.svc.cluster.local:${ports.memberlist}`] },
      query_scheduler: { use_scheduler_ring: true },
      index_gateway: { mode: "ring" },
    }),
    schema_config: {
      configs: [
        {
          from: "2024-04-01",
          store: "tsdb",
          object_store: store.type,
          schema: "v13",
          index: { prefix: "index_", period: "24h" },
        },
      ],
    },
    ingester: {
      // What was acknowledged is in the log on the volume, and read back after a kill; memory for that is bounded.
      wal: { enabled: true, dir: "/var/loki/wal", replay_memory_ceiling: "256MB" },
      // Alone, it waits for nobody.
      ...(!scalable && { lifecycler: { min_ready_duration: "0s", final_sleep: "0s" } }),
    },
    limits_config: {
      retention_period: retention,
      // Lines that a collector held back longer than this are refused.
      reject_old_samples_max_age: "1w",
      ingestion_rate_mb: ingestionRate,
      ingestion_burst_size_mb: ingestionRate * 2,
      per_stream_rate_limit: `${ingestionRate}MB`,
      per_stream_rate_limit_burst: `${ingestionRate * 2}MB`,
      // The labels above have as many values as there are containers: an app cannot make more of them. A limit would refuse
      // new pods, and the collectors, which try again without end, would stand still.
      max_global_streams_per_user: 0,
      max_line_size_truncate: true,
      allow_structured_metadata: true,
      discover_service_name: ["app"],
      otlp_config: {
        resource_attributes: {
          ignore_defaults: true,
          attributes_config: [{ action: "index_label", attributes: [...indexLabels] }],
        },
      },
    },
    runtime_config: { file: "/etc/loki/config/tenants.yaml" },
    querier: { multi_tenant_queries_enabled: true },
    query_range: { align_queries_with_step: true },
    compactor: {
      working_directory: "/var/loki/compactor",
      retention_enabled: true,
      delete_request_store: store.type,
    },
    ruler: {
      enable_api: true,
      enable_sharding: scalable,
      rule_path: "/var/loki/rules-temporary",
      storage: { type: "local", local: { directory: "/etc/loki/rules" } },
      ...(alertmanagerUrl && { alertmanager_url: alertmanagerUrl }),
    },
    analytics: { reporting_enabled: false },
  });
};

/** What single tenants have of their own; Loki reads it again when it changes. */
export const tenantsFile = (tenants: readonly LokiTenantArgs[]): string =>
  yaml({
    overrides: Object.fromEntries(
      tenants.flatMap(({ name, retention }) => (retention ? [[name, { retention_period: retention }]] : [])),
    ),
  });

/** Rules by tenant. That of the platform is always there: Loki looks for rules in folders, and wants one. */
export const ruleFiles = (alerts: readonly LogAlertArgs[]): ReadonlyMap<string, string> => {
  const byTenant = Map.groupBy(alerts, ({ tenant }) => tenant ?? platformTenant);
  return new Map(
    [...new Set([platformTenant, ...byTenant.keys()])].map((tenant) => {
      const rules = (byTenant.get(tenant) ?? []).map(writtenAlert);
      return [tenant, yaml({ groups: rules.length > 0 ? [{ name: "stack", rules }] : [] })];
    }),
  );
};
