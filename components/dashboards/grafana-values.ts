// What is the vendor's chart told? Grafana's configuration, its data sources, and where its dashboards are.
import type * as pulumi from "@pulumi/pulumi";
import type { ChartValues } from "../chart.ts";
import type { SecretKeyArgs } from "../check.ts";
import { Size } from "../size.ts";
import { labels } from "../workload.ts";
import type { GrafanaArgs } from "./grafana.ts";
import { victoriaLogsPlugin } from "./model.ts";
import { oidcSection } from "./oidc.ts";

/** Names by which the chart and what stands beside it find each other. */
export const names = { release: "grafana", admin: "grafana-admin", port: 3000 } as const;
/** Keys of the Secret that is made once. */
export const adminKeys = { user: "admin-user", password: "admin-password", encryption: "secret-key" } as const;

/** A folder of Grafana, and the ConfigMap that holds its dashboards. */
export interface BoardFolder {
  readonly title: string;
  /** Part of names: of the ConfigMap, and of the folder's URL. */
  readonly slug: string;
  readonly configMap: string;
}

const secrets = "/etc/grafana/secrets";
const fileOf = (use: string, { key }: SecretKeyArgs): string => `${secrets}/${use}/${key}`;
const boards = "/var/lib/grafana/dashboards";

/** Values of the chart. */
export const grafanaValues = (args: GrafanaArgs, url: string, folders: readonly BoardFolder[]): ChartValues => {
  const { size = Size.Single, mirror, oidc, database } = args;
  const ha = size === Size.Ha;
  const mounted = [
    ...(oidc ? [{ use: "oidc", secret: oidc.clientSecret }] : []),
    ...(database ? [{ use: "database", secret: database.password }] : []),
  ];
  return {
    fullnameOverride: names.release,
    ...(mirror && { global: { imageRegistry: mirror.replace(/\/+$/, "") } }),
    replicas: ha ? 2 : 1,
    ...(ha && {
      podDisruptionBudget: { minAvailable: 1 },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: labels("grafana") },
        },
      ],
    }),
    // It asks nothing of the API server.
    rbac: { create: false },
    serviceAccount: { create: true, automountServiceAccountToken: false },
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    testFramework: { enabled: false },
    ...(args.logsUrl && args.logsLanguage === "logsql" && { plugins: [victoriaLogsPlugin] }),
    podAnnotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(names.port) },
    containerSecurityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    extraEmptyDirMounts: [{ name: "tmp", mountPath: "/tmp" }],
    resources: { requests: { cpu: "100m", memory: "192Mi" }, limits: { cpu: "1", memory: "512Mi" } },
    // What matters comes from Git or lies in the database: a pod may go at any time.
    persistence: { enabled: false },
    admin: { existingSecret: names.admin, userKey: adminKeys.user, passwordKey: adminKeys.password },
    envValueFrom: { GF_SECURITY_SECRET_KEY: { secretKeyRef: { name: names.admin, key: adminKeys.encryption } } },
    extraSecretMounts: mounted.map(({ use, secret }) => ({
      name: use,
      mountPath: `${secrets}/${use}`,
      secretName: secret.name,
      items: [{ key: secret.key, path: secret.key }],
      readOnly: true,
      // 0440: of the group that the pod's files belong to.
      defaultMode: 288,
    })),
    "grafana.ini": configuration(args, url),
    datasources: { "datasources.yaml": { apiVersion: 1, prune: true, datasources: dataSources(args) } },
    dashboardProviders: {
      "dashboardproviders.yaml": {
        apiVersion: 1,
        providers: folders.map(({ title, slug }) => ({
          name: slug,
          folder: title,
          folderUid: slug,
          type: "file",
          disableDeletion: false,
          allowUiUpdates: false,
          updateIntervalSeconds: 10,
          options: { path: `${boards}/${slug}` },
        })),
      },
    },
    dashboardsConfigMaps: Object.fromEntries(folders.map(({ slug, configMap }) => [slug, configMap])),
  };
};

const configuration = ({ oidc, database }: GrafanaArgs, url: string) => ({
  server: { root_url: url, domain: new URL(url).hostname },
  security: { cookie_secure: url.startsWith("https:"), disable_gravatar: true },
  // Alerts are declared in Git and evaluated by whoever keeps the figures; here they are looked at.
  unified_alerting: { enabled: true, execute_alerts: false },
  users: { allow_sign_up: false },
  snapshots: { external_enabled: false },
  // Nothing is told to the vendor, and nothing fetched from it while it runs.
  analytics: { reporting_enabled: false, check_for_updates: false, check_for_plugin_updates: false },
  news: { news_feed_enabled: false },
  plugins: { preinstall_disabled: true },
  log: { mode: "console" },
  "log.console": { format: "json" },
  ...(oidc && { "auth.generic_oauth": oidcSection(oidc, fileOf("oidc", oidc.clientSecret)) }),
  ...(database && {
    database: {
      type: "postgres",
      host: database.host,
      name: database.name,
      user: database.user,
      password: `$__file{${fileOf("database", database.password)}}`,
      ssl_mode: database.tls ?? "require",
    },
  }),
});

/** One of Grafana's data sources. */
interface DataSource {
  readonly name: string;
  readonly uid: string;
  readonly type: string;
  readonly url: pulumi.Input<string>;
  readonly [setting: string]: unknown;
}

const dataSources = ({ metricsUrl, alertsUrl, logsUrl, logsLanguage, logsTenant }: GrafanaArgs): DataSource[] => {
  const common = { access: "proxy", orgId: 1, editable: false };
  return [
    {
      ...common,
      name: "Metrics",
      uid: "metrics",
      type: "prometheus",
      url: metricsUrl,
      isDefault: true,
      jsonData: { httpMethod: "POST", prometheusType: "Prometheus", ...(alertsUrl && { alertmanagerUid: "alerts" }) },
    },
    ...(alertsUrl
      ? [
          {
            ...common,
            name: "Alerts",
            uid: "alerts",
            type: "alertmanager",
            url: alertsUrl,
            jsonData: { implementation: "prometheus", handleGrafanaManagedAlerts: false },
          },
        ]
      : []),
    ...(logsUrl
      ? [
          {
            ...common,
            name: "Logs",
            uid: "logs",
            type: logsLanguage === "logsql" ? victoriaLogsPlugin : "loki",
            url: logsUrl,
            ...(logsTenant && {
              jsonData: { httpHeaderName1: "X-Scope-OrgID" },
              // Named so by Grafana; the name of a tenant is no secret.
              secureJsonData: { httpHeaderValue1: logsTenant },
            }),
          },
        ]
      : []),
  ];
};
