// What does whoever keeps logs offer the collector, the dashboards and the apps?
import type { Output } from "@pulumi/pulumi";

/** Namespaces whose lines are kept apart from all others: with limits and a retention of their own, and asked for by name. */
export interface Tenant {
  /** Value of the header `X-Scope-OrgID`. */
  readonly name: string;
  /** Namespaces; each is of one tenant. */
  readonly namespaces: readonly string[];
}

/** Language in which lines are asked for: Loki's, or VictoriaLogs'. */
export type LogsLanguage = "logql" | "logsql";

/** Capability of the slot `logs`. */
export interface Logs {
  /** URL that takes logs by OTLP over HTTP, without `/v1/logs`. The header `X-Scope-OrgID` says whose they are. */
  readonly pushUrl: Output<string>;
  /** URL of the query API: Loki's without `/loki/api`, VictoriaLogs' without `/select`. The header `X-Scope-OrgID` says of whom is asked. */
  readonly queryUrl: Output<string>;
  /** In which language it is asked. */
  readonly language: LogsLanguage;
  /** Tenant of every namespace that no other one names. */
  readonly tenant: string;
  /** The other tenants. */
  readonly tenants: readonly Tenant[];
}

/** Value of the header `X-Scope-OrgID` of a query over all tenants. */
export const everyTenant = ({ tenant, tenants }: Pick<Logs, "tenant" | "tenants">): string =>
  [tenant, ...tenants.map(({ name }) => name)].join("|");
