// What does Prometheus read at its start?
import { dump } from "js-yaml";
import type { PrometheusArgs } from "./prometheus.ts";
import { scrapeJobs } from "./scrape.ts";

/** The configuration file of Prometheus. */
export const prometheusConfig = (args: PrometheusArgs, alertmanagers: readonly string[]): string => {
  const { interval: every = "30s", externalLabels, remoteWrite = [], verifyKubelets = true } = args;
  return dump(
    {
      global: {
        scrape_interval: every,
        scrape_timeout: "10s",
        evaluation_interval: every,
        // Replicas scrape the same; what they send on is told apart by this.
        external_labels: { ...externalLabels, replica: "$POD_NAME" },
      },
      rule_files: ["/etc/prometheus/config/rules.yaml"],
      alerting: {
        alert_relabel_configs: [{ regex: "replica", action: "labeldrop" }],
        alertmanagers: [{ static_configs: [{ targets: [...alertmanagers] }] }],
      },
      scrape_configs: [
        ...scrapeJobs({ verifyKubelets }),
        {
          job_name: "node-exporter",
          kubernetes_sd_configs: [{ role: "pod", namespaces: { names: [`${args.namespace ?? "monitoring"}-nodes`] } }],
          relabel_configs: [{ source_labels: ["__meta_kubernetes_pod_node_name"], target_label: "node" }],
        },
      ],
      ...(remoteWrite.length > 0 && {
        remote_write: remoteWrite.map(({ url: target, region }) => ({
          url: target,
          ...(region && { sigv4: { region } }),
        })),
      }),
    },
    { lineWidth: -1, noRefs: true },
  );
};
