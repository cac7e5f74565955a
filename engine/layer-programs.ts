// Which programs do single layers need? Got only for a stack that declares the layer; a row a build, and one a program.
import type { Build, Row } from "./program-rows.ts";
import { versions } from "./versions.ts";

/** In the order in which they are built, after those of the cluster. */
export const layerBuilds = {
  "cert-manager": {
    folder: "engine/programs/cert-manager",
    outputs: { "cert-manager": "." },
    stamp: { "github.com/cert-manager/cert-manager/pkg/util.AppVersion": `v${versions["cert-manager"]}` },
    seconds: 100,
  },
  prometheus: {
    folder: "engine/programs/prometheus",
    outputs: {
      prometheus: "github.com/prometheus/prometheus/cmd/prometheus",
      promtool: "github.com/prometheus/prometheus/cmd/promtool",
    },
    tags: ["remove_all_sd", "enable_kubernetes_sd"],
    stamp: { "github.com/prometheus/common/version.Version": versions.prometheus },
    seconds: 150,
  },
  alertmanager: {
    folder: "engine/programs/alertmanager",
    outputs: {
      alertmanager: "github.com/prometheus/alertmanager/cmd/alertmanager",
      amtool: "github.com/prometheus/alertmanager/cmd/amtool",
    },
    stamp: { "github.com/prometheus/common/version.Version": versions.alertmanager },
    seconds: 65,
  },
  "node-exporter": {
    folder: "engine/programs/node-exporter",
    outputs: { node_exporter: "github.com/prometheus/node_exporter" },
    stamp: { "github.com/prometheus/common/version.Version": versions["node-exporter"] },
    seconds: 6,
  },
  traefik: {
    folder: "engine/programs/traefik",
    outputs: { traefik: "github.com/traefik/traefik/v3/cmd/traefik" },
    stamp: { "github.com/traefik/traefik/v3/pkg/version.Version": versions.traefik },
    seconds: 230,
  },
  distribution: {
    folder: "engine/programs/distribution",
    outputs: { registry: "github.com/distribution/distribution/v3/cmd/registry" },
    stamp: { "github.com/distribution/distribution/v3/version.version": `v${versions.distribution}` },
    seconds: 50,
  },
  "otel-collector": {
    folder: "engine/programs/otel-collector",
    outputs: { "otel-collector": "." },
    stamp: { "main.version": versions["otel-collector"] },
    seconds: 60,
  },
  "victoria-logs": {
    folder: "engine/programs/victoria-logs",
    outputs: { "victoria-logs": "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs" },
    stamp: {
      "github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version": `victoria-logs-v${versions["victoria-logs"]}`,
    },
    seconds: 40,
  },
  "helm-controller": {
    folder: "engine/programs/helm-controller",
    outputs: { "helm-controller": "github.com/fluxcd/helm-controller" },
    seconds: 150,
  },
  // Of the same module, so that charts are rendered with the library of the controller.
  helm: {
    folder: "engine/programs/helm-controller",
    outputs: { helm: "helm.sh/helm/v4/cmd/helm" },
    stamp: { "helm.sh/helm/v4/internal/version.version": `v${versions.helm}` },
    seconds: 60,
  },
  vault: {
    folder: "engine/programs/vault",
    outputs: { vault: "." },
    tags: ["minimal"],
    seconds: 300,
  },
  opentofu: {
    folder: "engine/programs/opentofu",
    outputs: { tofu: "github.com/opentofu/opentofu/cmd/tofu" },
    seconds: 240,
  },
  "argo-cd": {
    folder: "engine/programs/argo-cd",
    outputs: { argocd: "." },
    stamp: { "github.com/argoproj/argo-cd/v3/common.version": versions["argo-cd"] },
    seconds: 170,
  },
  "argo-cd-helm": {
    folder: "engine/programs/argo-cd-helm",
    outputs: { "argocd-helm": "helm.sh/helm/v3/cmd/helm" },
    stamp: { "helm.sh/helm/v3/internal/version.version": `v${versions["argo-cd-helm"]}` },
    seconds: 80,
  },
  actionlint: {
    folder: "engine/programs/actionlint",
    outputs: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
    seconds: 15,
  },
  trivy: { folder: "engine/programs/trivy", outputs: { "trivy-config": "." }, seconds: 140 },
} as const satisfies Record<string, Build>;

type BuildName = keyof typeof layerBuilds;

/** The programs by name; each says in `for` which implementations need it. */
export const layerPrograms = {
  "cert-manager": { version: versions["cert-manager"], build: "cert-manager", for: ["cert-manager"] },
  prometheus: { version: versions.prometheus, build: "prometheus", for: ["prometheus"] },
  promtool: { version: versions.prometheus, build: "prometheus", for: ["prometheus"] },
  alertmanager: { version: versions.alertmanager, build: "alertmanager", for: ["prometheus"] },
  amtool: { version: versions.alertmanager, build: "alertmanager", for: ["prometheus"] },
  node_exporter: { version: versions["node-exporter"], build: "node-exporter", for: ["prometheus"] },
  traefik: { version: versions.traefik, build: "traefik", for: ["traefik", "gateway-api", "distribution"] },
  registry: { version: versions.distribution, build: "distribution", for: ["distribution"] },
  "otel-collector": { version: versions["otel-collector"], build: "otel-collector", for: ["otel-collector"] },
  "victoria-logs": { version: versions["victoria-logs"], build: "victoria-logs", for: ["victoria-logs"] },
  // Apps that are charts, or may be: their kind is a word like those of layers.
  "helm-controller": { version: versions["helm-controller"], build: "helm-controller", for: ["helm"] },
  helm: { version: versions.helm, build: "helm", for: ["helm"] },
  vault: { version: versions.vault, build: "vault", for: ["vault"] },
  // Plans in tests what a cluster declares at AWS. No layer is called so: no stack needs it.
  tofu: { version: versions.opentofu, build: "opentofu", for: ["opentofu"] },
  argocd: { version: versions["argo-cd"], build: "argo-cd", for: ["argo-cd"] },
  "argocd-helm": { version: versions["argo-cd-helm"], build: "argo-cd-helm", for: ["argo-cd"] },
  // What Argo CD's image has from its distribution: Git over HTTP, and what asks for the tokens of deployers.
  "git.tar": {
    version: versions.git,
    files: {
      packages: ["git", "openssl", "tini"],
      paths: [
        "usr/bin/git",
        "usr/lib/git-core/git-remote-http",
        "usr/lib/git-core/git-remote-https",
        "usr/bin/openssl",
        "usr/bin/tini",
      ],
    },
    for: ["argo-cd"],
  },
  "redis.tar": {
    version: versions.redis,
    files: { packages: ["redis-server"], paths: ["usr/bin/redis-server"] },
    for: ["argo-cd"],
  },
  // What runs programs of ours in pods: the receiver of push events.
  "node.tar": {
    version: versions.node,
    files: { packages: ["libstdc++6"], paths: [], node: "usr/local/bin/node" },
    for: ["webhook"],
  },
  // Reads in tests the workflow that `plumbline ci` writes.
  actionlint: { version: versions.actionlint, build: "actionlint", for: ["actionlint"] },
  // Judges in tests what is declared at AWS: the part of Trivy that reads Terraform.
  "trivy-config": { version: versions.trivy, build: "trivy", for: ["trivy"] },
} as const satisfies Record<string, Row<BuildName> & { readonly for: readonly string[] }>;
