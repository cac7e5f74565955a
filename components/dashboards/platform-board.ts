// How is the platform? Nodes, what fires, layers, volumes, certificates, and what is scraped.
import type { DashboardArgs } from "./board.ts";

const realFilesystems = 'fstype!~"tmpfs|ramfs|overlay|squashfs|nsfs"';
const toApp = { dashboard: "plumbline-app", variable: "namespace", label: "namespace" };

/** The dashboard of the platform. */
export const platformBoard: DashboardArgs = {
  name: "plumbline-platform",
  title: "Platform",
  description: "Nodes, alerts, layers, volumes, certificates and targets of this platform.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Nodes that answer",
          description: "Kubelets that Prometheus reaches.",
          kind: "stat",
          queries: [{ expr: 'sum(up{job="kubelet"})' }],
        },
        {
          title: "Targets that do not answer",
          description: "Whatever is scraped and did not answer the last time; the table below names it.",
          kind: "stat",
          queries: [{ expr: "count(up == 0) or vector(0)" }],
          thresholds: [{ from: 1, color: "red" }],
        },
        {
          title: "Alerts that fire",
          description: "Without Watchdog, which always does.",
          kind: "stat",
          queries: [{ expr: 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)' }],
          thresholds: [{ from: 1, color: "red" }],
        },
        { title: "Pods", kind: "stat", queries: [{ expr: "sum(kubelet_running_pods)" }] },
        {
          title: "Fullest volume",
          kind: "stat",
          unit: "percentunit",
          queries: [
            {
              expr: "max(1 - kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes) or vector(0)",
            },
          ],
          thresholds: [
            { from: 0.7, color: "orange" },
            { from: 0.9, color: "red" },
          ],
        },
        {
          title: "Next certificate ends in",
          kind: "stat",
          unit: "s",
          queries: [{ expr: "min(certmanager_certificate_expiration_timestamp_seconds) - time()" }],
        },
      ],
    },
    {
      title: "Alerts",
      panels: [
        {
          title: "What fires",
          kind: "table",
          width: 24,
          queries: [{ expr: 'max by (alertname, severity, namespace, pod, node) (ALERTS{alertstate="firing"})' }],
        },
      ],
    },
    {
      title: "Nodes",
      panels: [
        {
          title: "CPU in use",
          unit: "percentunit",
          queries: [
            {
              expr: '1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
              legend: "{{ node }}",
            },
          ],
          thresholds: [{ from: 0.9, color: "red" }],
        },
        {
          title: "Memory in use",
          unit: "percentunit",
          queries: [
            {
              expr: "1 - max by (node) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
              legend: "{{ node }}",
            },
          ],
          thresholds: [{ from: 0.95, color: "red" }],
        },
        {
          title: "File systems in use",
          unit: "percentunit",
          queries: [
            {
              expr: `1 - min by (node, mountpoint) (node_filesystem_avail_bytes{${realFilesystems}} / node_filesystem_size_bytes)`,
              legend: "{{ node }} {{ mountpoint }}",
            },
          ],
          thresholds: [{ from: 0.9, color: "red" }],
        },
        {
          title: "Network",
          description: "What the node's own devices receive and send.",
          unit: "Bps",
          queries: [
            {
              expr: 'sum by (node) (rate(node_network_receive_bytes_total{device!~"lo|veth.*|cni.*|cali.*"}[$__rate_interval]))',
              legend: "{{ node }} receives",
            },
            {
              expr: 'sum by (node) (rate(node_network_transmit_bytes_total{device!~"lo|veth.*|cni.*|cali.*"}[$__rate_interval]))',
              legend: "{{ node }} sends",
            },
          ],
        },
      ],
    },
    {
      title: "Layers and apps",
      panels: [
        {
          title: "CPU by namespace",
          description: "Cores; a click leads to the namespace.",
          queries: [
            {
              expr: 'sum by (namespace) (rate(container_cpu_usage_seconds_total{container!=""}[$__rate_interval]))',
              legend: "{{ namespace }}",
            },
          ],
          link: toApp,
        },
        {
          title: "Memory by namespace",
          unit: "bytes",
          queries: [
            {
              expr: 'sum by (namespace) (container_memory_working_set_bytes{container!=""})',
              legend: "{{ namespace }}",
            },
          ],
          link: toApp,
        },
        {
          title: "Requests to the API server",
          unit: "reqps",
          queries: [{ expr: "sum by (code) (rate(apiserver_request_total[$__rate_interval]))", legend: "{{ code }}" }],
        },
        {
          title: "Time of the API server, 99 of 100 requests",
          description: "Without watches and connections, which last as long as somebody listens.",
          unit: "s",
          queries: [
            {
              expr: 'histogram_quantile(0.99, sum by (le, verb) (rate(apiserver_request_duration_seconds_bucket{verb!~"WATCH|CONNECT"}[$__rate_interval])))',
              legend: "{{ verb }}",
            },
          ],
        },
      ],
    },
    {
      title: "Volumes and certificates",
      panels: [
        {
          title: "Volumes in use",
          unit: "percentunit",
          queries: [
            {
              expr: "max by (namespace, persistentvolumeclaim) (1 - kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes)",
              legend: "{{ namespace }}/{{ persistentvolumeclaim }}",
            },
          ],
          thresholds: [{ from: 0.9, color: "red" }],
        },
        {
          title: "Certificates, time to their end",
          kind: "table",
          unit: "s",
          queries: [
            {
              expr: "sort(min by (exported_namespace, name) (certmanager_certificate_expiration_timestamp_seconds) - time())",
            },
          ],
        },
      ],
    },
    {
      title: "Targets",
      panels: [
        {
          title: "What is scraped, 1 where it answers",
          kind: "table",
          width: 24,
          height: 12,
          queries: [{ expr: "sort(max by (job, namespace, app, pod, node, instance) (up))" }],
        },
      ],
    },
  ],
};
