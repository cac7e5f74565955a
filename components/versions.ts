// Which images does the library run, and from where? Every image and its tag stands here and nowhere else.

/** An image as its vendor publishes it. */
export interface Image {
  /** Registry, repository and tag. */
  readonly reference: string;
  /** Day of the release: the time that the Go module proxy gives for this version, or the vendor's own date. */
  readonly released: string;
  /** Its program cannot, or by its licence should not, be built from a module here, so that the local platform has none. */
  readonly vendorOnly?: true;
}

const table = {
  "source-controller": { reference: "ghcr.io/fluxcd/source-controller:v1.8.0", released: "2026-02-17" },
  argocd: { reference: "quay.io/argoproj/argocd:v3.2.0", released: "2025-11-04" },
  // The last line of Redis under its old licence. It is the cache of Argo CD, and keeps nothing.
  redis: { reference: "docker.io/library/redis:7.2.11-alpine", released: "2025-10-03" },
  "kustomize-controller": { reference: "ghcr.io/fluxcd/kustomize-controller:v1.9.5", released: "2026-08-31" },
  "helm-controller": { reference: "ghcr.io/fluxcd/helm-controller:v1.6.4", released: "2026-08-31" },
  coredns: { reference: "registry.k8s.io/coredns/coredns:v1.13.1", released: "2025-10-08" },
  "metrics-server": { reference: "registry.k8s.io/metrics-server/metrics-server:v0.9.0", released: "2026-07-13" },
  "local-path-provisioner": { reference: "docker.io/rancher/local-path-provisioner:v0.0.30", released: "2024-10-07" },
  busybox: { reference: "docker.io/library/busybox:1.35", released: "2021-12-26" },
  "cert-manager-controller": {
    reference: "quay.io/jetstack/cert-manager-controller:v1.21.2",
    released: "2026-09-10",
    vendorOnly: true,
  },
  "cert-manager-webhook": {
    reference: "quay.io/jetstack/cert-manager-webhook:v1.21.2",
    released: "2026-09-10",
    vendorOnly: true,
  },
  "cert-manager-cainjector": {
    reference: "quay.io/jetstack/cert-manager-cainjector:v1.21.2",
    released: "2026-09-10",
    vendorOnly: true,
  },
  "cert-manager-acmesolver": {
    reference: "quay.io/jetstack/cert-manager-acmesolver:v1.21.2",
    released: "2026-09-10",
    vendorOnly: true,
  },
  "cert-manager-controller-1.11": {
    reference: "quay.io/jetstack/cert-manager-controller:v1.11.5",
    released: "2023-09-01",
  },
  "cert-manager-webhook-1.11": { reference: "quay.io/jetstack/cert-manager-webhook:v1.11.5", released: "2023-09-01" },
  "cert-manager-cainjector-1.11": {
    reference: "quay.io/jetstack/cert-manager-cainjector:v1.11.5",
    released: "2023-09-01",
  },
  "cert-manager-acmesolver-1.11": {
    reference: "quay.io/jetstack/cert-manager-acmesolver:v1.11.5",
    released: "2023-09-01",
  },
  traefik: { reference: "docker.io/library/traefik:v3.6.12", released: "2026-03-26" },
  prometheus: { reference: "quay.io/prometheus/prometheus:v3.15.1", released: "2026-10-21" },
  alertmanager: { reference: "quay.io/prometheus/alertmanager:v0.31.1", released: "2026-02-11" },
  // Under the AGPL: used as its vendor publishes it, and not built here.
  loki: { reference: "docker.io/grafana/loki:3.7.8", released: "2026-09-17", vendorOnly: true },
  "victoria-logs": { reference: "docker.io/victoriametrics/victoria-logs:v1.52.1", released: "2026-07-16" },
  "otel-collector": { reference: "docker.io/otel/opentelemetry-collector-k8s:0.160.0", released: "2026-09-02" },
  "node-exporter": { reference: "quay.io/prometheus/node-exporter:v1.12.1", released: "2026-07-14" },
  distribution: { reference: "docker.io/distribution/distribution:3.1.2", released: "2026-09-24" },
  // What runs the settings of Harbor and the receiver of push events: programs of ours, without a package.
  node: { reference: "docker.io/library/node:24.21.0-alpine3.24", released: "2026-09-10" },
  vault: { reference: "docker.io/hashicorp/vault:1.21.0", released: "2025-10-22" },
  kubectl: { reference: "registry.k8s.io/kubectl:v1.37.2", released: "2026-10-28" },
} as const satisfies Record<string, Image>;

/** A program that the library runs as an image. */
export type Program = keyof typeof table;

/** Images by program. */
export const images: Readonly<Record<Program, Image>> = table;

/** Where the images of the local platform are: built by `npm start` and imported into each node, never pulled. */
export const localMirror = "plumbline.local";

/**
 * Reference of a program's image.
 *
 * @param mirror registry, optionally with a path, that holds the images under their own repository names:
 *   `ghcr.io/fluxcd/source-controller:v1.8.0` becomes `<mirror>/fluxcd/source-controller:v1.8.0`. Unset: the vendor's.
 */
export const image = (program: Program, mirror?: string): string => {
  const { reference } = images[program];
  return mirror ? `${mirror.replace(/\/+$/, "")}/${reference.slice(reference.indexOf("/") + 1)}` : reference;
};

/** Version of a program as its tag says it, without a leading `v`: "1.8.0". */
export const version = (program: Program): string => {
  const { reference } = images[program];
  return reference.slice(reference.lastIndexOf(":") + 1).replace(/^v/, "");
};
