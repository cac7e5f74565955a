// Which components run programs of ours in a cluster? One row each: what tests over every object of every layer look at.
import {
  ArgoCd,
  CertManager,
  CoreDns,
  Distribution,
  ExternalCertificates,
  Flux,
  GatewayApi,
  Harbor,
  LocalPath,
  Loki,
  MetricsServer,
  OtelCollector,
  Prometheus,
  Traefik,
  Vault,
  VictoriaLogs,
} from "../components/index.ts";
import { Size } from "../components/size.ts";

/** A component that declares workloads. */
export interface Implementation {
  readonly name: string;
  /** Sizes that it knows; a component without any is listed as `single`. */
  readonly sizes: readonly Size[];
  /** Declares it with the least arguments that a stack would give. */
  readonly declare: (size: Size) => unknown;
  /** What cannot be as everywhere else, and why: beginning of a line of `production.test.ts` → reason. */
  readonly exceptions?: Readonly<Record<string, string>>;
}

/** Every component that declares workloads. */
export const implementations: readonly Implementation[] = [
  { name: "core-dns", sizes: ["single"], declare: () => new CoreDns("dns") },
  {
    name: "local-path",
    sizes: ["single"],
    declare: () => new LocalPath("storage"),
    exceptions: {
      "local-path-provisioner: local-path-provisioner lacks a readiness or liveness probe": "it answers no request",
    },
  },
  { name: "metrics-server", sizes: ["single"], declare: () => new MetricsServer("metrics") },
  { name: "flux", sizes: ["single"], declare: () => new Flux("agent") },
  {
    name: "argo-cd",
    sizes: ["single"],
    declare: () => new ArgoCd("agent"),
    exceptions: {
      "Secret argocd-": "made once: the cluster's value counts, see ignoreChanges",
    },
  },
  {
    name: "cert-manager",
    sizes: [Size.Single, Size.Ha],
    declare: (size) =>
      new CertManager("certificates", {
        size,
        acme: { email: "ops@example.com", http01: { ingressClass: "traefik" } },
      }),
    exceptions: { "plumbline:cert-manager: reads every Secret": "it keeps keys where they are asked for" },
  },
  {
    name: "cert-manager 1.11",
    sizes: [Size.Single],
    declare: (size) => new CertManager("certificates", { size, release: "1.11" }),
    exceptions: {
      "plumbline:cert-manager: reads every Secret": "it keeps keys where they are asked for",
      "cert-manager-cainjector: cert-manager-cainjector lacks a readiness": "this release answers no request",
    },
  },
  {
    name: "traefik",
    sizes: [Size.Single, Size.Ha],
    declare: (size) => new Traefik("ingress", { size }),
    exceptions: { "plumbline:traefik: reads every Secret": "certificates lie in the namespaces that are exposed" },
  },
  {
    name: "gateway-api",
    sizes: [Size.Single, Size.Ha],
    declare: (size) => new GatewayApi("ingress", { size }),
    exceptions: { "plumbline:gateway-api: reads every Secret": "certificates lie in the namespaces that are exposed" },
  },
  {
    name: "loki",
    sizes: [Size.Single, Size.Ha],
    declare: (size) =>
      new Loki("logs", {
        size,
        ...(size === Size.Ha && { bucket: { s3: { bucket: "lines", region: "eu-central-1" } } }),
      }),
  },
  {
    name: "victoria-logs",
    sizes: [Size.Single],
    declare: () => new VictoriaLogs("logs"),
  },
  {
    name: "otel-collector",
    sizes: [Size.Single],
    declare: () => new OtelCollector("collector", { pushUrl: "http://loki.logs:3100/otlp" }),
    exceptions: {
      "otel-collector: the pod may run as root": "the files that it reads are root's",
      "otel-collector: the pod mounts folders of the node": "the lines of pods are files of their node",
    },
  },
  {
    name: "prometheus",
    sizes: [Size.Single, Size.Ha],
    declare: (size) => new Prometheus("metrics", { size }),
    exceptions: Object.fromEntries(
      ["the pod shares namespaces of the node", "the pod mounts folders of the node"].map((what) => [
        `node-exporter: ${what}`,
        "the figures of a node are read from its processes, network and file systems",
      ]),
    ),
  },
  {
    name: "distribution",
    sizes: [Size.Single, Size.Ha],
    declare: (size) =>
      new Distribution(
        "registry",
        {
          host: "registry.example.com",
          size,
          garbageCollection: { schedule: "0 3 * * 0" },
          ...(size === Size.Ha && { storage: { s3: { bucket: "images", region: "eu-central-1" } } }),
        },
        { certificates: new ExternalCertificates("certificates", { issuer: "letsencrypt" }) },
      ),
    exceptions: {
      "Secret registry-accounts has its value from the program":
        "made once: the cluster's value counts, see ignoreChanges",
      "Secret registry-users has its value from the program": "hashes of what the cluster has",
    },
  },
  {
    // Its Job and what stands around the vendor's chart: nothing renders the chart here.
    name: "harbor",
    sizes: [Size.Single],
    declare: () => new Harbor("registry", { host: "harbor.example.com", certificate: "harbor-tls" }),
    exceptions: {
      "Secret harbor-keys has its value from the program": "made once: the cluster's value counts, see ignoreChanges",
      "Secret harbor-robot-": "made once: the cluster's value counts, see ignoreChanges",
    },
  },
  {
    name: "vault",
    sizes: [Size.Single, Size.Ha],
    declare: (size) =>
      new Vault(
        "secrets",
        { size },
        { certificates: new ExternalCertificates("certificates", { issuer: "authority" }) },
      ),
  },
];
