// What is the vendor's chart told? Its values, from the arguments. No password is among them: they stand in Secrets that are named.
import { Size } from "../size.ts";
import type { HarborArgs } from "./harbor-args.ts";
import { keysName } from "./harbor-keys.ts";
import type { HarborStorage } from "./harbor-storage.ts";

/** Names that the chart gives, or that it is told. */
export const chartNames = {
  release: "harbor",
  /** Label `app` of every pod of the chart. */
  app: "harbor",
  /** Service of what is reached from outside. */
  service: "harbor",
  /** Service of the core, within the namespace. */
  core: "harbor-core",
  serviceAccount: "harbor",
  /** Claim of the images, where they are on a volume. */
  images: "harbor-images",
} as const;

/** Ports of the chart's pods. */
export const chartPorts = { front: 8080, frontTls: 8443, figures: 8001 } as const;

/** User of the registry behind Harbor's core, which nobody else uses. */
export const registryUser = "harbor_registry_user";

/** What the values follow from, beside the arguments. */
export interface Surroundings {
  /** Whether an ingress stands before it and ends TLS. */
  readonly ingress: boolean;
  /** Secret with the certificate. */
  readonly certificate: string;
  readonly storage: HarborStorage;
  /** Secret with the keys. */
  readonly keys: string;
}

const memory = (request: string, limit: string, cpu: string) => ({
  requests: { cpu, memory: request },
  limits: { memory: limit },
});

/** The values of the chart. */
export const harborValues = (
  args: HarborArgs,
  { ingress, certificate, storage, keys }: Surroundings,
): Record<string, unknown> => {
  const { host, size = Size.Single, mirror, volumes = {} } = args;
  const ha = size === Size.Ha;
  const place = mirror?.replace(/\/+$/, "");
  const image = (repository: string) => (place ? { image: { repository: `${place}/goharbor/${repository}` } } : {});
  const pod = { serviceAccountName: chartNames.serviceAccount };
  const replicated = {
    ...pod,
    replicas: ha ? 2 : 1,
    ...(ha && {
      podDisruptionBudget: { enabled: true, minAvailable: 1 },
      // The chart adds the selector.
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
      ],
    }),
  };
  const figures = {
    podAnnotations: { "prometheus.io/scrape": "true", "prometheus.io/port": String(chartPorts.figures) },
  };
  const claim = (quantity: string) => ({
    size: quantity,
    ...(volumes.storageClass && { storageClass: volumes.storageClass }),
  });
  return {
    expose: ingress
      ? { type: "clusterIP", tls: { enabled: false }, clusterIP: { name: chartNames.service } }
      : {
          type: "loadBalancer",
          tls: { enabled: true, certSource: "secret", secret: { secretName: certificate } },
          loadBalancer: { name: chartNames.service },
        },
    externalURL: `https://${host}`,
    // Who comes to the portal may fetch the authority of the certificate.
    ...(!ingress && { caSecretName: certificate }),
    existingSecretAdminPassword: keys,
    existingSecretAdminPasswordKey: keysName.admin,
    existingSecretSecretKey: keys,
    // A volume that one pod at a time mounts would keep the new pod waiting for the old one.
    updateStrategy: { type: storage.volume ? "Recreate" : "RollingUpdate" },
    persistence: {
      enabled: true,
      resourcePolicy: "keep",
      persistentVolumeClaim: {
        ...(storage.volume && { registry: { existingClaim: chartNames.images } }),
        database: claim(volumes.database ?? "10Gi"),
        redis: claim(volumes.redis ?? "1Gi"),
        trivy: claim(volumes.trivy ?? "10Gi"),
      },
      imageChartStorage: storage.values,
    },
    metrics: { enabled: true },
    nginx: { ...replicated, ...image("nginx-photon"), resources: memory("32Mi", "256Mi", "20m") },
    portal: { ...replicated, ...image("harbor-portal"), resources: memory("32Mi", "128Mi", "10m") },
    core: {
      ...replicated,
      ...image("harbor-core"),
      ...figures,
      resources: memory("256Mi", "1Gi", "100m"),
      existingSecret: keys,
      // The key that signs tokens.
      secretName: keys,
      existingXsrfSecret: keys,
      existingXsrfSecretKey: keysName.csrf,
    },
    jobservice: {
      ...replicated,
      ...image("harbor-jobservice"),
      ...figures,
      resources: memory("128Mi", "1Gi", "50m"),
      // Logs of jobs in files need a volume that all replicas mount.
      jobLoggers: ["database"],
      existingSecret: keys,
      existingSecretKey: keysName.jobservice,
    },
    registry: {
      ...replicated,
      ...figures,
      registry: { ...image("registry-photon"), resources: memory("128Mi", "1Gi", "100m") },
      controller: { ...image("harbor-registryctl"), resources: memory("64Mi", "256Mi", "20m") },
      existingSecret: keys,
      existingSecretKey: keysName.registry,
      credentials: { username: registryUser, existingSecret: keys },
    },
    trivy: {
      ...replicated,
      ...image("trivy-adapter-photon"),
      enabled: true,
      resources: memory("512Mi", "2Gi", "200m"),
    },
    database: args.database
      ? {
          type: "external",
          external: {
            host: args.database.host,
            port: String(args.database.port ?? 5432),
            username: args.database.username,
            coreDatabase: args.database.database ?? "registry",
            existingSecret: args.database.secret,
            sslmode: args.database.sslMode ?? "require",
          },
        }
      : {
          type: "internal",
          internal: {
            ...pod,
            ...image("harbor-db"),
            resources: memory("256Mi", "1Gi", "100m"),
            initContainer: { permissions: { resources: memory("32Mi", "128Mi", "10m") } },
            // Whoever starts with this one is told otherwise by the variable: the chart knows no Secret for its own database.
            password: "see-the-secret-of-keys",
            extraEnvVars: [
              {
                name: "POSTGRES_PASSWORD",
                valueFrom: { secretKeyRef: { name: keys, key: keysName.database } },
              },
            ],
          },
          // The core and the exporter read it from here for either database.
          external: { existingSecret: keys },
        },
    redis: args.redis
      ? {
          type: "external",
          external: {
            addr: args.redis.address,
            sentinelMasterSet: args.redis.sentinelMaster ?? "",
            tlsOptions: { enable: args.redis.tls ?? false },
          },
        }
      : {
          type: "internal",
          internal: { ...pod, ...image("valkey-photon"), resources: memory("64Mi", "512Mi", "50m") },
        },
    exporter: {
      ...pod,
      ...image("harbor-exporter"),
      ...figures,
      replicas: 1,
      resources: memory("64Mi", "256Mi", "20m"),
    },
  };
};
