// Every program and package that is built or installed at run time, with the version this repository was tested with.
// A program's exact source is pinned by the go.sum of its module in engine/programs.

/** Versions by program; a leading `v` is left out. For `runc`, `nft` and `busybox` they are the least that will do. */
export const versions = {
  node: "24.21.0",
  pulumi: "3.259.0",
  "pulumi-kubernetes": "4.25.0",
  "pulumi-aws": "7.48.0",
  kubernetes: "1.37.2",
  etcd: "3.7.3",
  containerd: "2.4.2",
  runc: "1.1.5",
  nft: "1.0.6",
  busybox: "1.35.0",
  cni: "1.9.1",
  coredns: "1.13.1",
  "source-controller": "1.8.0",
  "kustomize-controller": "1.9.5",
  /** Of the library that kustomize-controller is built with; a program of that name elsewhere may have another. */
  kustomize: "5.8.0",
  "local-path-provisioner": "0.0.30",
  "metrics-server": "0.9.0",
  "cert-manager": "1.11.5",
  prometheus: "3.15.1",
  alertmanager: "0.31.1",
  "node-exporter": "1.12.1",
  traefik: "3.6.12",
  distribution: "3.1.2",
  "otel-collector": "0.160.0",
  vault: "1.21.0",
  opentofu: "1.10.6",
  "victoria-logs": "1.52.1",
  "argo-cd": "3.2.0",
  /** The Helm of Argo CD's own image. */
  "argo-cd-helm": "3.18.4",
  /** Files of Debian packages: the least that will do. */
  git: "2.39.0",
  redis: "7.0.0",
  actionlint: "1.7.12",
  trivy: "0.74.0",
  "helm-controller": "1.6.4",
  /** Of the library that helm-controller is built with. */
  helm: "4.2.4",
  /** Programs of this repository. */
  plumbline: "0.1.0",
} as const;
