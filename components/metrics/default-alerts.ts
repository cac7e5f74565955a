// What goes wrong on every platform? The alerts that need no stack to ask for them.

import type { AlertArgs } from "../alerts.ts";
import { Severity } from "../severity.ts";
import { counted, grown } from "./metrics.ts";
import type { RecordingArgs, RuleGroup } from "./rules.ts";

const { Critical, Warning, Info, None } = Severity;

const nodes: AlertArgs[] = [
  {
    name: "NodeDown",
    expr: 'up{job="kubelet"} == 0',
    severity: Critical,
    summary: "The kubelet of node {{ $labels.node }} does not answer",
    description: "Its pods may go on, but nothing new starts there and nobody sees how they are.",
  },
  {
    name: "NodeMemoryLow",
    expr: 'node_memory_MemAvailable_bytes{job="node-exporter"} / node_memory_MemTotal_bytes < 0.05',
    for: "10m",
    severity: Warning,
    summary: "Node {{ $labels.node }} has {{ $value | humanizePercentage }} of its memory left",
  },
  {
    name: "NodeFilesystemFilling",
    expr: 'min by (node, mountpoint) (node_filesystem_avail_bytes{job="node-exporter",fstype!~"tmpfs|ramfs|overlay|squashfs"} / node_filesystem_size_bytes) < 0.1',
    for: "10m",
    severity: Warning,
    summary: "{{ $labels.mountpoint }} of node {{ $labels.node }} has {{ $value | humanizePercentage }} left",
    description: "At about 10 % the kubelet removes images, then evicts pods.",
  },
];

const workloads: AlertArgs[] = [
  {
    name: "PodCrashLooping",
    // Each start is a container of its own, so a series of its own; the label `id` tells them apart.
    expr: 'count by (namespace, pod, container) (count_over_time(container_start_time_seconds{job="cadvisor",container!="",container!="POD"}[15m])) >= 4',
    for: "0s",
    severity: Warning,
    summary:
      "Container {{ $labels.container }} of {{ $labels.namespace }}/{{ $labels.pod }} started {{ $value }} times in 15 minutes",
  },
  {
    name: "PodNotReady",
    expr: 'sum by (namespace, pod, container) (increase(prober_probe_total{job="probes",probe_type="Readiness",result="failed"}[5m])) > 0 unless sum by (namespace, pod, container) (increase(prober_probe_total{job="probes",probe_type="Readiness",result="successful"}[5m])) > 0',
    severity: Warning,
    summary: "{{ $labels.namespace }}/{{ $labels.pod }} has not been ready for five minutes and more",
  },
  {
    name: "VolumeFilling",
    expr: "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.3 and predict_linear(kubelet_volume_stats_available_bytes[6h], 86400) < 0",
    for: "30m",
    severity: Warning,
    summary: "Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} will be full within a day",
  },
  {
    name: "VolumeNearlyFull",
    expr: "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 0.1",
    for: "1m",
    severity: Critical,
    summary:
      "Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left",
  },
];

const layers: AlertArgs[] = [
  {
    name: "CertificateNotReady",
    expr: 'max by (exported_namespace, name) (certmanager_certificate_ready_status{condition="False"}) == 1',
    for: "10m",
    severity: Warning,
    summary: "Certificate {{ $labels.exported_namespace }}/{{ $labels.name }} is not issued",
  },
  {
    name: "CertificateExpiring",
    // Renewal is due at a third of the lifetime before the end, or as the stack says: an hour late is a failure.
    expr: "max by (exported_namespace, name) (time() - (certmanager_certificate_renewal_timestamp_seconds > 0)) > 3600",
    for: "0s",
    severity: Critical,
    summary:
      "Certificate {{ $labels.exported_namespace }}/{{ $labels.name }} was to be renewed {{ $value | humanizeDuration }} ago",
  },
  {
    name: "VaultSealed",
    expr: "vault_core_unsealed == 0",
    for: "1m",
    severity: Critical,
    summary: "Vault {{ $labels.pod }} is sealed: it hands out no secret",
  },
  {
    name: "LinesHeldBack",
    // Half of what a node may hold: an hour or a day of lines, but nobody takes them.
    expr: "otelcol_exporter_queue_size / otelcol_exporter_queue_capacity > 0.5",
    for: "10m",
    severity: Warning,
    summary:
      "Lines of pods on node {{ $labels.node }} are held back: {{ $value | humanizePercentage }} of the room for them is used",
  },
  {
    name: "LinesDropped",
    expr: "sum by (namespace, reason) (increase(vl_rows_dropped_total[10m])) > 0",
    for: "0s",
    severity: Warning,
    summary: "VictoriaLogs in {{ $labels.namespace }} throws lines away: {{ $labels.reason }}",
  },
  {
    name: "DeliveryFailing",
    expr: `sum(increase(${counted("delivery-failed")}[10m])) > 0`,
    for: "10m",
    severity: Warning,
    summary: "The agent has been failing to deliver for ten minutes",
    description: "`plumbline status` names the app, the file and the reason.",
  },
  {
    name: "DriftFound",
    expr: `${grown("drift", "5m")} + ${grown("drift-scale", "5m")} > 0`,
    for: "0s",
    severity: Info,
    summary: "Somebody changed what Git delivers, past Git",
    description: "The agent takes it back; the API server's audit log says who it was.",
  },
  {
    name: "AlertsNotDelivered",
    expr: "sum by (integration) (rate(alertmanager_notifications_failed_total[5m])) > 0",
    severity: Critical,
    summary: "Alertmanager cannot reach {{ $labels.integration }}",
  },
  {
    name: "TargetMissing",
    expr: "up == 0",
    severity: Warning,
    summary: "{{ $labels.job }} {{ $labels.instance }} has not answered for five minutes",
  },
  {
    name: "Watchdog",
    expr: "vector(1)",
    for: "0s",
    severity: None,
    summary: "Always fires: who hears nothing of it hears nothing of any alert",
  },
];

const recordings: RecordingArgs[] = [
  {
    record: "app:container_cpu_usage_seconds:rate5m",
    expr: 'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{job="cadvisor",container!=""}[5m]))',
  },
  {
    record: "app:container_memory_working_set_bytes:sum",
    expr: 'sum by (namespace, pod) (container_memory_working_set_bytes{job="cadvisor",container!=""})',
  },
];

/** The groups of rules of every platform. */
export const defaultRules: readonly RuleGroup[] = [
  { name: "recordings", recordings },
  { name: "nodes", alerts: nodes },
  { name: "workloads", alerts: workloads },
  { name: "layers", alerts: layers },
];
