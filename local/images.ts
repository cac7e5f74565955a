// Which container images does the local platform run, and which program is in each? No registry is needed for them.
import { execa } from "execa";
import { isNeeded, type Program, rowOf } from "../engine/programs.ts";
import { versions } from "../engine/versions.ts";

/** A static program of an image, or an archive that is unpacked into it. */
export interface Part {
  /** File name of the program in the folder of programs. One that ends with `.tar` is an archive of files. */
  readonly program: string;
  /** Where upstream's image has the program; of an archive, the program in it that counts. */
  readonly path: string;
  /** Names that the program is also called by, beside it. */
  readonly links?: (program: string) => Promise<string[]>;
}

/** An image with one layer that holds one program, which is the entrypoint. */
export interface Image extends Part {
  /** Upstream's path and tag under the host `plumbline.local`, which stands for the registry of upstream. */
  readonly name: string;
  /** Further programs, where upstream's image has some that pods use: a shell. */
  readonly beside?: readonly Part[];
  /** Entrypoint, where upstream's is another program of the image. */
  readonly entrypoint?: readonly string[];
  /** Command instead of the entrypoint. */
  readonly command?: readonly string[];
}

/** Host that every image here is under. */
export const imageHost = "plumbline.local";
/** The container that holds a pod's namespaces. */
export const pauseImage = `${imageHost}/pause:1`;

const busyboxApplets = async (program: string): Promise<string[]> =>
  (await execa(program, ["--list"])).stdout.split("\n").filter((applet) => applet && applet !== "busybox");

/** A row of the table: its program is one of the tables of programs, which say whose it is. */
interface Row extends Image {
  readonly program: Program;
  /** Layer implementations that run it, where not all of those do that need its program. Default: those of the program. */
  readonly for?: readonly string[];
}

const shell: Part & { readonly program: Program } = { program: "busybox", path: "/bin/busybox", links: busyboxApplets };

/** Everything that the local platform, with any of its layers, runs as a pod. */
export const images: readonly Row[] = [
  { name: pauseImage, program: "pause", path: "/pause" },
  { name: `${imageHost}/coredns/coredns:v${versions.coredns}`, program: "coredns", path: "/coredns" },
  {
    name: `${imageHost}/metrics-server/metrics-server:v${versions["metrics-server"]}`,
    program: "metrics-server",
    path: "/metrics-server",
  },
  {
    name: `${imageHost}/rancher/local-path-provisioner:v${versions["local-path-provisioner"]}`,
    program: "local-path-provisioner",
    path: "/usr/bin/local-path-provisioner",
  },
  { name: `${imageHost}/library/busybox:1.35`, ...shell, command: ["sh"] },
  {
    name: `${imageHost}/fluxcd/source-controller:v${versions["source-controller"]}`,
    program: "source-controller",
    path: "/usr/local/bin/source-controller",
  },
  {
    name: `${imageHost}/fluxcd/kustomize-controller:v${versions["kustomize-controller"]}`,
    program: "kustomize-controller",
    path: "/usr/local/bin/kustomize-controller",
  },
  {
    name: `${imageHost}/fluxcd/helm-controller:v${versions["helm-controller"]}`,
    program: "helm-controller",
    path: "/usr/local/bin/helm-controller",
    for: ["flux"],
  },
  { name: `${imageHost}/plumbline/hello:1`, program: "hello", path: "/hello" },
  {
    name: `${imageHost}/prometheus/prometheus:v${versions.prometheus}`,
    program: "prometheus",
    path: "/bin/prometheus",
  },
  {
    name: `${imageHost}/prometheus/alertmanager:v${versions.alertmanager}`,
    program: "alertmanager",
    path: "/bin/alertmanager",
  },
  {
    name: `${imageHost}/prometheus/node-exporter:v${versions["node-exporter"]}`,
    program: "node_exporter",
    path: "/bin/node_exporter",
  },
  { name: `${imageHost}/library/traefik:v${versions.traefik}`, program: "traefik", path: "/usr/local/bin/traefik" },
  {
    name: `${imageHost}/distribution/distribution:${versions.distribution}`,
    program: "registry",
    path: "/bin/registry",
  },
  {
    name: `${imageHost}/otel/opentelemetry-collector-k8s:${versions["otel-collector"]}`,
    program: "otel-collector",
    path: "/otelcol-k8s",
  },
  {
    name: `${imageHost}/victoriametrics/victoria-logs:v${versions["victoria-logs"]}`,
    program: "victoria-logs",
    path: "/victoria-logs-prod",
  },
  ...["controller", "webhook", "cainjector", "acmesolver"].map(
    (name): Row => ({
      name: `${imageHost}/jetstack/cert-manager-${name}:v${versions["cert-manager"]}`,
      program: "cert-manager",
      // One program, which goes by the name that it is called with.
      path: `/app/cmd/${name}/${name}`,
    }),
  ),
  { name: `${imageHost}/hashicorp/vault:${versions.vault}`, program: "vault", path: "/bin/vault", beside: [shell] },
  { name: `${imageHost}/kubectl:v${versions.kubernetes}`, program: "kubectl", path: "/bin/kubectl", for: ["vault"] },
  {
    name: `${imageHost}/argoproj/argocd:v${versions["argo-cd"]}`,
    program: "argocd",
    path: "/usr/local/bin/argocd",
    links: async () => ["argocd-application-controller", "argocd-git-ask-pass", "argocd-repo-server"],
    beside: [
      { program: "argocd-helm", path: "/usr/local/bin/helm" },
      { program: "kustomize", path: "/usr/local/bin/kustomize" },
      { program: "git.tar", path: "/usr/bin/git" },
      shell,
    ],
    entrypoint: ["/usr/bin/tini", "--"],
  },
  { name: `${imageHost}/library/node:${versions.node}-alpine3.24`, program: "node.tar", path: "/usr/local/bin/node" },
  // Debian's build of an earlier line stands for it: the commands that a cache needs are the same.
  { name: `${imageHost}/library/redis:7.2.11-alpine`, program: "redis.tar", path: "/usr/bin/redis-server" },
];

/** The images of the local cluster, and those of these layer implementations: `imagesFor(["prometheus", "loki"])`. */
export const imagesFor = (implementations: readonly string[]): readonly Image[] =>
  images.filter((row) => isNeeded(rowOf(row.program), implementations) && isNeeded(row, implementations));
