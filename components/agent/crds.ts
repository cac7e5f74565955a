// Which definitions does each agent need?

/** Definitions that the controllers watch: they don't start while one is missing. */
export const fluxDefinitions = [
  "source.toolkit.fluxcd.io_buckets",
  "source.toolkit.fluxcd.io_gitrepositories",
  "source.toolkit.fluxcd.io_helmcharts",
  "source.toolkit.fluxcd.io_helmrepositories",
  "source.toolkit.fluxcd.io_ocirepositories",
  "kustomize.toolkit.fluxcd.io_kustomizations",
] as const;

/** Definition that helm-controller watches: there where an app is a chart. */
export const fluxChartDefinitions = ["helm.toolkit.fluxcd.io_helmreleases"] as const;

/** Definitions that Argo CD's controller watches. */
export const argoCdDefinitions = ["argoproj.io_applications", "argoproj.io_appprojects"] as const;
