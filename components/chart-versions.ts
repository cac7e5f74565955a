// Which charts of vendors does the library install? Every chart, its version and its digest stands here and nowhere else.

/** A chart as its vendor publishes it. */
export interface VendorChart {
  readonly name: string;
  /** URL of the archive; `{version}` stands for the version. */
  readonly archive: string;
  readonly version: string;
  /** Version of the program that it installs. */
  readonly appVersion: string;
  /** SHA-256 of the archive in hexadecimal, as the vendor's index gives it or builds that fetch it have found it. */
  readonly digest: string;
  /** Day on which the vendor's index took it in, or the day of the release. */
  readonly released: string;
}

const table = {
  // Its last release: the project is retired.
  "ingress-nginx": {
    name: "ingress-nginx",
    archive:
      "https://github.com/kubernetes/ingress-nginx/releases/download/helm-chart-{version}/ingress-nginx-{version}.tgz",
    version: "4.15.1",
    appVersion: "1.15.1",
    digest: "3eff0bd18151d6e6b1c441463410571443dda1ac78292cb189346628de784f0c",
    released: "2026-03-19",
  },
  // Later ones are served; of this one the vendor's index gives the digest that is known here.
  grafana: {
    name: "grafana",
    archive:
      "https://github.com/grafana-community/helm-charts/releases/download/grafana-{version}/grafana-{version}.tgz",
    version: "11.3.3",
    appVersion: "12.4.1",
    digest: "64b195598ec9384557e35bcedddc79e54376ed3e3065b1c793a3ba19dbd8c353",
    released: "2026-03-16",
  },
  harbor: {
    name: "harbor",
    archive: "https://helm.goharbor.io/harbor-{version}.tgz",
    version: "1.19.2",
    appVersion: "2.15.2",
    digest: "36d8eeb41b4df1aeff18c9af7709110a2fac2194b491d37957822b3359cd5e9a",
    released: "2026-08-03",
  },
  "external-secrets": {
    name: "external-secrets",
    archive:
      "https://github.com/external-secrets/external-secrets/releases/download/helm-chart-{version}/external-secrets-{version}.tgz",
    version: "2.11.0",
    appVersion: "v2.11.0",
    digest: "8199b42fe80b871c6a86233a80bb14f599fd6e1e6462c1216d836577f845e161",
    released: "2026-09-21",
  },
  // Later ones are served; of this one the vendor's index gives the digest that is known here.
  fluentd: {
    name: "fluentd",
    archive: "https://github.com/fluent/helm-charts/releases/download/fluentd-{version}/fluentd-{version}.tgz",
    version: "0.4.3",
    appVersion: "1.15.2",
    digest: "eb3e8856cd4573fa5e159c3f9485c97518b65a69770e8663cfdbb36c3a694849",
    released: "2023-05-23",
  },
  // Later ones are served; of this one the digest is known, from public builds that fetch the archive and refuse another.
  traefik: {
    name: "traefik",
    archive: "https://traefik.github.io/charts/traefik/traefik-{version}.tgz",
    version: "37.3.0",
    appVersion: "v3.6.0",
    digest: "5e09f73c9ef20982b58769da9ddaac0ee49841aa482084b1a6b08ac996f49ffb",
    released: "2025-11-10",
  },
  // Later ones are served; of this one the digest is known, from public builds that fetch the archive and refuse another.
  "cert-manager": {
    name: "cert-manager",
    archive: "https://charts.jetstack.io/charts/cert-manager-{version}.tgz",
    version: "v1.19.1",
    appVersion: "v1.19.1",
    digest: "f72a727b1749df3521e7a65af5f18505f93b572d758841890270b150344b2b41",
    released: "2025-10-15",
  },
} as const satisfies Record<string, VendorChart>;

/** Charts of vendors by name. */
export const charts: Readonly<Record<keyof typeof table, VendorChart>> = table;
