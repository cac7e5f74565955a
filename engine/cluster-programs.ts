// Which programs does every local platform need, whatever its layers: the cluster, Pulumi, the agent, the example app?
import { type Build, type Download, github, type Row } from "./program-rows.ts";
import { versions } from "./versions.ts";

const stampKubernetes = {
  "k8s.io/component-base/version.gitVersion": `v${versions.kubernetes}`,
  "k8s.io/component-base/version.gitMajor": versions.kubernetes.split(".")[0] ?? "",
  "k8s.io/component-base/version.gitMinor": versions.kubernetes.split(".")[1] ?? "",
};

/** In the order in which they are built: what the others share first, so that nothing is compiled twice. */
export const clusterBuilds = {
  supervisor: { folder: "engine/programs/supervisor", outputs: { supervisor: "." }, seconds: 5 },
  pause: { folder: "engine/programs/images/pause", outputs: { pause: "." }, seconds: 1 },
  hello: { folder: "examples/hello", outputs: { hello: "." }, seconds: 2 },
  kubernetes: {
    folder: "engine/programs/kubernetes",
    outputs: { kubernetes: "." },
    links: {
      kubernetes: ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"],
    },
    stamp: stampKubernetes,
    seconds: 560,
  },
  cel: { folder: "engine/programs/kubernetes", outputs: { "plumbline-cel": "./cel" }, seconds: 5 },
  etcd: { folder: "engine/programs/etcd", outputs: { etcd: "go.etcd.io/etcd/server/v3" }, seconds: 60 },
  containerd: {
    folder: "engine/programs/containerd",
    outputs: {
      containerd: "github.com/containerd/containerd/v2/cmd/containerd",
      "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
      ctr: "github.com/containerd/containerd/v2/cmd/ctr",
    },
    stamp: { "github.com/containerd/containerd/v2/version.Version": `v${versions.containerd}` },
    seconds: 90,
  },
  cni: {
    folder: "engine/programs/cni",
    outputs: {
      ptp: "github.com/containernetworking/plugins/plugins/main/ptp",
      loopback: "github.com/containernetworking/plugins/plugins/main/loopback",
      "host-local": "github.com/containernetworking/plugins/plugins/ipam/host-local",
      portmap: "github.com/containernetworking/plugins/plugins/meta/portmap",
    },
    stamp: { "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion": `v${versions.cni}` },
    seconds: 8,
  },
  pulumi: {
    folder: "engine/programs/pulumi",
    outputs: { pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" },
    stamp: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${versions.pulumi}` },
    seconds: 308,
  },
  "language-nodejs": {
    folder: "engine/programs/pulumi",
    outputs: { "pulumi-language-nodejs": "./language-nodejs" },
    scripts: ["language-nodejs/pulumi-resource-pulumi-nodejs", "language-nodejs/pulumi-analyzer-policy-nodejs"],
    stamp: { "main.version": versions.pulumi },
    seconds: 10,
  },
  "pulumi-kubernetes": {
    folder: "engine/programs/pulumi-kubernetes",
    outputs: { "pulumi-resource-kubernetes": "." },
    seconds: 240,
  },
  coredns: { folder: "engine/programs/coredns", outputs: { coredns: "." }, seconds: 40 },
  "source-controller": {
    folder: "engine/programs/source-controller",
    outputs: { "source-controller": "github.com/fluxcd/source-controller" },
    seconds: 180,
  },
  "kustomize-controller": {
    folder: "engine/programs/kustomize-controller",
    outputs: { "kustomize-controller": "github.com/fluxcd/kustomize-controller" },
    seconds: 60,
  },
  kustomize: {
    folder: "engine/programs/kustomize",
    outputs: { kustomize: "sigs.k8s.io/kustomize/kustomize/v5" },
    stamp: { "sigs.k8s.io/kustomize/api/provenance.version": `v${versions.kustomize}` },
    seconds: 12,
  },
  "local-path-provisioner": {
    folder: "engine/programs/local-path-provisioner",
    outputs: { "local-path-provisioner": "github.com/rancher/local-path-provisioner" },
    stamp: { "main.VERSION": `v${versions["local-path-provisioner"]}` },
    seconds: 60,
  },
  "metrics-server": {
    folder: "engine/programs/metrics-server",
    outputs: { "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server" },
    stamp: { "sigs.k8s.io/metrics-server/pkg/version.gitVersion": `v${versions["metrics-server"]}` },
    seconds: 60,
  },
} as const satisfies Record<string, Build>;

type BuildName = keyof typeof clusterBuilds;

const kubernetes = (name: string, args: readonly string[]): Row<BuildName> => ({
  version: versions.kubernetes,
  build: "kubernetes",
  onPath: { args, version: /v(\d+\.\d+\.\d+)/ },
  download: {
    url: `https://dl.k8s.io/release/v${versions.kubernetes}/bin/linux/{arch}/${name}`,
    sums: `https://dl.k8s.io/release/v${versions.kubernetes}/bin/linux/{arch}/${name}.sha256`,
  },
});

const containerdArchive = github(
  "containerd/containerd",
  `v${versions.containerd}`,
  `containerd-static-${versions.containerd}-linux-{arch}.tar.gz`,
);
const containerd = (name: string): Row<BuildName> => ({
  version: versions.containerd,
  build: "containerd",
  onPath: { args: ["--version"], version: /v(\d+\.\d+\.\d+)/ },
  download: { url: containerdArchive, sums: `${containerdArchive}.sha256sum` },
  entry: `bin/${name}`,
});

const cniArchive = github(
  "containernetworking/plugins",
  `v${versions.cni}`,
  `cni-plugins-linux-{arch}-v${versions.cni}.tgz`,
);
// Not looked for on PATH: what has these names there may be another program.
const cni = (name: string): Row<BuildName> => ({
  version: versions.cni,
  build: "cni",
  download: { url: cniArchive, sums: `${cniArchive}.sha256` },
  entry: name,
});

const pulumiDownload: Download = {
  url: github("pulumi/pulumi", `v${versions.pulumi}`, `pulumi-v${versions.pulumi}-linux-{arch}.tar.gz`),
  sums: github("pulumi/pulumi", `v${versions.pulumi}`, `pulumi-${versions.pulumi}-checksums.txt`),
  arch: { amd64: "x64", arm64: "arm64" },
};
const pulumi = (name: string, build: BuildName): Row<BuildName> => ({
  version: versions.pulumi,
  build,
  onPath: {
    args: ["version"],
    version: /v(\d+\.\d+\.\d+)/,
    ...(name === "pulumi" ? {} : { beside: "pulumi" }),
  },
  download: pulumiDownload,
  entry: `pulumi/${name}`,
});

const own = (build: BuildName): Row<BuildName> => ({ version: versions.plumbline, build });

const coredns = github("coredns/coredns", `v${versions.coredns}`, `coredns_${versions.coredns}_linux_{arch}.tgz`);
const provider = `pulumi-resource-kubernetes-v${versions["pulumi-kubernetes"]}-linux-{arch}.tar.gz`;
const etcd = (file: string): string => github("etcd-io/etcd", `v${versions.etcd}`, file);

/** The programs by name. */
export const clusterPrograms = {
  supervisor: own("supervisor"),
  pause: own("pause"),
  hello: own("hello"),
  "plumbline-cel": own("cel"),
  "kube-apiserver": kubernetes("kube-apiserver", ["--version"]),
  "kube-controller-manager": kubernetes("kube-controller-manager", ["--version"]),
  "kube-scheduler": kubernetes("kube-scheduler", ["--version"]),
  "kube-proxy": kubernetes("kube-proxy", ["--version"]),
  kubelet: kubernetes("kubelet", ["--version"]),
  kubectl: kubernetes("kubectl", ["version", "--client"]),
  etcd: {
    version: versions.etcd,
    build: "etcd",
    onPath: { args: ["--version"], version: /etcd Version: (\d+\.\d+\.\d+)/ },
    download: { url: etcd(`etcd-v${versions.etcd}-linux-{arch}.tar.gz`), sums: etcd("SHA256SUMS") },
    entry: `etcd-v${versions.etcd}-linux-{arch}/etcd`,
  },
  containerd: containerd("containerd"),
  "containerd-shim-runc-v2": {
    ...containerd("containerd-shim-runc-v2"),
    onPath: { args: ["-v"], version: /Version:\s+v(\d+\.\d+\.\d+)/ },
  },
  ctr: containerd("ctr"),
  ptp: cni("ptp"),
  loopback: cni("loopback"),
  "host-local": cni("host-local"),
  portmap: cni("portmap"),
  runc: {
    version: versions.runc,
    onPath: { args: ["--version"], version: /runc version (\d+\.\d+\.\d+)/, atLeast: versions.runc },
    debian: { package: "runc", path: "usr/sbin/runc" },
  },
  nft: {
    version: versions.nft,
    onPath: { args: ["--version"], version: /nftables v(\d+\.\d+\.\d+)/, atLeast: versions.nft },
    debian: { package: "nftables", path: "usr/sbin/nft" },
  },
  busybox: {
    version: versions.busybox,
    onPath: { args: ["--help"], version: /BusyBox v(\d+\.\d+\.\d+)/, atLeast: versions.busybox, static: true },
    debian: { package: "busybox-static", path: "bin/busybox" },
  },
  pulumi: pulumi("pulumi", "pulumi"),
  "pulumi-language-nodejs": pulumi("pulumi-language-nodejs", "language-nodejs"),
  "pulumi-resource-pulumi-nodejs": pulumi("pulumi-resource-pulumi-nodejs", "language-nodejs"),
  "pulumi-analyzer-policy-nodejs": pulumi("pulumi-analyzer-policy-nodejs", "language-nodejs"),
  // A plugin of one version, which Pulumi takes from its plugin folder: on PATH it would win over every other version.
  "pulumi-resource-kubernetes": {
    version: versions["pulumi-kubernetes"],
    build: "pulumi-kubernetes",
    download: {
      url: github("pulumi/pulumi-kubernetes", `v${versions["pulumi-kubernetes"]}`, provider),
      sums: github(
        "pulumi/pulumi-kubernetes",
        `v${versions["pulumi-kubernetes"]}`,
        `pulumi-kubernetes_${versions["pulumi-kubernetes"]}_checksums.txt`,
      ),
    },
    entry: "pulumi-resource-kubernetes",
    apart: true,
  },
  coredns: {
    version: versions.coredns,
    build: "coredns",
    onPath: { args: ["-version"], version: /CoreDNS-(\d+\.\d+\.\d+)/, static: true },
    download: { url: coredns, sums: `${coredns}.sha256` },
    entry: "coredns",
  },
  "source-controller": { version: versions["source-controller"], build: "source-controller" },
  "kustomize-controller": { version: versions["kustomize-controller"], build: "kustomize-controller" },
  // Renders what the agent will apply, for the policies and for `diff`.
  kustomize: { version: versions.kustomize, build: "kustomize" },
  "local-path-provisioner": { version: versions["local-path-provisioner"], build: "local-path-provisioner" },
  "metrics-server": { version: versions["metrics-server"], build: "metrics-server" },
} as const satisfies Record<string, Row<BuildName>>;
