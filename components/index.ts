// The public surface of the library: what a stack file or a stranger's Pulumi program may import.
export { type Agent, AppKind, type Delivery, type HealthArgs, notifier, type Revision } from "./agent/agent.ts";
export { ArgoCd, type ArgoCdArgs, type ArgoCdOptions, type ArgoCdSettings, argoCd } from "./agent/argo-cd.ts";
export { argoCdDefinitions, fluxDefinitions } from "./agent/crds.ts";
export { Flux, type FluxArgs, type FluxOptions, type FluxSettings, flux } from "./agent/flux.ts";
export type { AgentWebhookArgs, WebhookExposure } from "./agent/webhook.ts";
export type { AgentWebhookSettings } from "./agent/webhook-settings.ts";
export type { AlertArgs } from "./alerts.ts";
export {
  type AcmeArgs,
  CertManager,
  type CertManagerArgs,
  type CertManagerOptions,
  certManager,
  type Http01Args,
  type Route53Args,
} from "./certificates/cert-manager.ts";
export type { CertificateRequest, Certificates } from "./certificates/certificates.ts";
export { ExternalCertificates, type ExternalCertificatesArgs, externalCertificates } from "./certificates/external.ts";
export type { ChartValues, ValuesTransform, VendorChartArgs } from "./chart.ts";
export { charts, type VendorChart } from "./chart-versions.ts";
export type { SecretKeyArgs } from "./check.ts";
export {
  type Cloud,
  type CloudBucket,
  type CloudDatabase,
  type CloudDatabaseArgs,
  type CloudGrant,
  type CloudIdentityArgs,
  type CloudKey,
  type CloudRoles,
  type CloudThing,
  type OfCluster,
  ofCluster,
} from "./cloud.ts";
export type { Cluster } from "./cluster/cluster.ts";
export { fieldManager } from "./cluster/cluster.ts";
export { CoreDns, type CoreDnsArgs } from "./cluster/core-dns.ts";
export { EmbeddedCluster, type EmbeddedClusterArgs, embedded, localKubeconfig } from "./cluster/embedded.ts";
export { ExistingCluster, type ExistingClusterArgs, existing } from "./cluster/existing.ts";
export type { Place } from "./cluster/kubeconfig.ts";
export { LocalPath, type LocalPathArgs } from "./cluster/local-path.ts";
export { MetricsServer, type MetricsServerArgs } from "./cluster/metrics-server.ts";
export type { Statement } from "./cluster/policy.ts";
export type { Collector } from "./collector/collector.ts";
export { Fluentd, type FluentdArgs, type FluentdOptions, fluentd } from "./collector/fluentd.ts";
export {
  type CollectedTenantArgs,
  OtelCollector,
  type OtelCollectorArgs,
  type OtelCollectorOptions,
  otelCollector,
} from "./collector/otel-collector.ts";
export type {
  DashboardArgs,
  DashboardRowArgs,
  DashboardVariableArgs,
  PanelArgs,
  PanelLinkArgs,
  PanelQueryArgs,
  PanelThresholdArgs,
} from "./dashboards/board.ts";
export type { Dashboards } from "./dashboards/dashboards.ts";
export { ExternalDashboards, type ExternalDashboardsArgs, externalDashboards } from "./dashboards/external.ts";
export {
  Grafana,
  type GrafanaArgs,
  type GrafanaDatabaseArgs,
  type GrafanaOptions,
  type GrafanaSettings,
  grafana,
} from "./dashboards/grafana.ts";
export type { GrafanaOidcArgs } from "./dashboards/oidc.ts";
export { App, type AppArgs, type AppOptions, deployer, type ExposeArgs, marks } from "./delivery/app.ts";
export type { ClusterCapabilities } from "./delivery/cluster-capabilities.ts";
export type {
  ConfiguredSecret,
  CredentialsArgs,
  CredentialsOf,
  CredentialsSettings,
  GithubAppArgs,
} from "./delivery/credentials.ts";
export {
  type AppDeclaration,
  type AppSettings,
  type AppsDeclaration,
  type AppsSettings,
  app,
  apps,
} from "./delivery/declaration.ts";
export { discover } from "./delivery/discover.ts";
export { type KubernetesObject, type Manifest, ManifestError, readManifests } from "./delivery/manifests.ts";
export { type PushArgs, push, pushing } from "./delivery/push.ts";
export type { Irreproducible, RenderedObject, Rendering, Repeated } from "./delivery/render.ts";
export { SourceError } from "./delivery/repository.ts";
export { Signed, type VerifyArgs } from "./delivery/verification.ts";
export { type Enforce, Enforcement, type EnforcementArgs } from "./enforcement.ts";
export {
  type Fleet,
  type FleetArgs,
  type FleetCluster,
  type FleetLabels,
  type FleetMember,
  fleet,
  type Member,
  type ResolvedWave,
  type Wave,
} from "./fleet.ts";
export { Identities, type IdentitiesArgs } from "./identities.ts";
export { ExternalIngress, type ExternalIngressArgs, externalIngress } from "./ingress/external.ts";
export { GatewayApi, type GatewayApiArgs, type GatewayApiOptions, gatewayApi } from "./ingress/gateway-api.ts";
export type { Exposure, Ingress } from "./ingress/ingress.ts";
export {
  IngressNginx,
  type IngressNginxArgs,
  type IngressNginxOptions,
  ingressNginx,
} from "./ingress/ingress-nginx.ts";
export { Traefik, type TraefikArgs, type TraefikOptions, traefik } from "./ingress/traefik.ts";
export type { DeploymentTransform } from "./ingress/traefik-program.ts";
export { ExternalLogs, type ExternalLogsArgs, externalLogs } from "./logs/external.ts";
export { everyTenant, type Logs, type LogsLanguage, type Tenant } from "./logs/logs.ts";
export {
  type LogAlertArgs,
  Loki,
  type LokiArgs,
  type LokiOptions,
  type LokiTenantArgs,
  loki,
} from "./logs/loki.ts";
export type { LokiTransform } from "./logs/loki-programs.ts";
export type { LokiAzureArgs, LokiBucketArgs, LokiGcsArgs, LokiS3Args } from "./logs/loki-storage.ts";
export { VictoriaLogs, type VictoriaLogsArgs, type VictoriaLogsOptions, victoriaLogs } from "./logs/victoria-logs.ts";
export { ExternalMetrics, type ExternalMetricsArgs, externalMetrics } from "./metrics/external.ts";
export type { Metrics } from "./metrics/metrics.ts";
export {
  Prometheus,
  type PrometheusArgs,
  type PrometheusOptions,
  prometheus,
  type RemoteWriteArgs,
} from "./metrics/prometheus.ts";
export type {
  EmailArgs,
  GroupingArgs,
  PagerDutyArgs,
  ReceiverArgs,
  SlackArgs,
  WebhookArgs,
} from "./metrics/receivers.ts";
export type { RecordingArgs } from "./metrics/rules.ts";
export { type Definition, definePlatform, Platform } from "./platform.ts";
export { InvalidDeclaration, type Problem } from "./problems.ts";
export {
  Distribution,
  type DistributionArgs,
  type DistributionOptions,
  distribution,
  type UpstreamArgs,
} from "./registry/distribution.ts";
export type {
  RegistryAzureArgs,
  RegistryGcsArgs,
  RegistryS3Args,
  RegistryStorageArgs,
  RegistryVolumeArgs,
} from "./registry/distribution-storage.ts";
export type { GarbageCollectionArgs, RegistryTransform } from "./registry/distribution-workload.ts";
export { type EcrArgs, ecr } from "./registry/ecr.ts";
export { ExternalRegistry, type ExternalRegistryArgs, externalRegistry } from "./registry/external.ts";
export { Harbor, type HarborDatabaseOfCluster, type HarborOptions, harbor } from "./registry/harbor.ts";
export type {
  HarborArgs,
  HarborDatabaseArgs,
  HarborGarbageCollectionArgs,
  HarborOidcArgs,
  HarborRedisArgs,
  HarborRobotArgs,
  HarborVolumesArgs,
} from "./registry/harbor-args.ts";
export type {
  HarborProjectArgs,
  HarborProxyCacheArgs,
  HarborRetentionArgs,
  HarborRetentionRuleArgs,
} from "./registry/harbor-projects.ts";
export type {
  HarborAzureArgs,
  HarborFilesystemArgs,
  HarborGcsArgs,
  HarborS3Args,
  HarborStorageArgs,
} from "./registry/harbor-storage.ts";
export {
  declarePullSecret,
  type PullAccount,
  type PushCredentials,
  pullSecretName,
  type Registry,
} from "./registry/registry.ts";
export {
  type AwsStoreArgs,
  type AzureStoreArgs,
  ExternalSecrets,
  type ExternalSecretsArgs,
  type ExternalSecretsOptions,
  externalSecrets,
  type GoogleStoreArgs,
  type SecretStoreArgs,
} from "./secrets/external-secrets.ts";
export type { SecretCopy, SecretRequest, Secrets } from "./secrets/secrets.ts";
export { Vault, type VaultArgs, type VaultOptions, vault } from "./secrets/vault.ts";
export type { AwsKmsArgs, PathRuleArgs, RoleArgs, SealArgs } from "./secrets/vault-config.ts";
export type { Settings } from "./settings.ts";
export { Severity } from "./severity.ts";
export { Size } from "./size.ts";
export {
  type Capabilities,
  type Complete,
  type Exemption,
  type Given,
  type Layer,
  type Layers,
  layer,
  type Pulled,
  type Reach,
  type Slot,
} from "./slot.ts";
export { type Image, image, images, localMirror, type Program, version } from "./versions.ts";
