// What does Prometheus scrape, and how does it find it? Plain Kubernetes discovery; no custom kind is needed.

/** One rewriting of labels, as Prometheus' configuration names its fields. */
interface Relabeling {
  readonly source_labels?: readonly string[];
  readonly separator?: string;
  readonly regex?: string;
  readonly target_label?: string;
  readonly replacement?: string;
  readonly action?: "keep" | "drop" | "keepequal" | "labelmap" | "labeldrop";
}

/** A job of Prometheus' configuration. */
export interface ScrapeJob {
  readonly job_name: string;
  readonly [setting: string]: unknown;
}

/** What differs between clusters. */
export interface Scraping {
  /** Whether the kubelets' certificates must be of the cluster's authority. */
  readonly verifyKubelets: boolean;
}

const account = "/var/run/secrets/kubernetes.io/serviceaccount";
const authorization = { credentials_file: `${account}/token` };
const pod = "__meta_kubernetes_pod";

const copy = (source: string, target: string): Relabeling => ({ source_labels: [source], target_label: target });
// Only where the source has something: a label that is copied empty would take away what stands there.
const prefer = (source: string, target: string): Relabeling => ({ ...copy(source, target), regex: "(.+)" });

/** Every job. Names of jobs are used by the alerts: no annotation of a pod can claim one. */
export const scrapeJobs = ({ verifyKubelets }: Scraping): ScrapeJob[] => {
  const kubelet = (job: string, path: string, dropped?: string): ScrapeJob => ({
    job_name: job,
    scheme: "https",
    metrics_path: path,
    authorization,
    tls_config: verifyKubelets ? { ca_file: `${account}/ca.crt` } : { insecure_skip_verify: true },
    kubernetes_sd_configs: [{ role: "node" }],
    relabel_configs: [copy("__meta_kubernetes_node_name", "node")],
    ...(dropped && { metric_relabel_configs: [drop(dropped)] }),
  });
  return [
    kubelet("kubelet", "/metrics", uselessBuckets),
    // Figures of every container of the node, by cAdvisor.
    { ...kubelet("cadvisor", "/metrics/cadvisor", costlyContainerFigures), track_timestamps_staleness: true },
    kubelet("probes", "/metrics/probes", "prober_probe_duration_seconds_bucket"),
    {
      job_name: "api-server",
      scheme: "https",
      authorization,
      tls_config: { ca_file: `${account}/ca.crt`, server_name: "kubernetes.default.svc" },
      // Each API server by its own address: through the Service, every scrape would meet another one.
      kubernetes_sd_configs: [{ role: "endpointslice", namespaces: { names: ["default"] } }],
      relabel_configs: [
        {
          source_labels: ["__meta_kubernetes_service_name", "__meta_kubernetes_endpointslice_port_name"],
          regex: "kubernetes;https",
          action: "keep",
        },
      ],
      metric_relabel_configs: [drop(uselessBuckets)],
    },
    pods,
  ];
};

const drop = (names: string): Relabeling => ({ source_labels: ["__name__"], regex: names, action: "drop" });

// Histograms of the API server and the kubelet that no rule or dashboard here reads: measured on a bare cluster of one
// node, 21,000 of 28,000 series.
const uselessBuckets = [
  "etcd_(request|lease).*_bucket",
  "(apiserver_(admission|watch|response|flowcontrol|storage)_.*|apiserver_request_(sli|body|timestamp)_.*)_bucket",
  "(rest_client|workqueue|informer|scheduler|storage_operation|volume_operation|kubelet_(runtime|cgroup|pleg|pod)|dra|authentication|authorization|field_validation|serviceaccount)_.*_bucket",
  "kubernetes_feature_enabled",
].join("|");

const costlyContainerFigures =
  "container_(tasks_state|memory_failures_total|blkio_device_usage_total|file_descriptors|sockets|threads.*|ulimits_soft|processes|last_seen|spec_.*_reservation_.*|memory_(pgscan|pgsteal|workingset|total|file)_?.*)";

/**
 * Pods that ask for it: `prometheus.io/scrape: "true"`, and where wanted `prometheus.io/port`, `path`, `scheme` and
 * `param-<name>`. The port must be one that a container declares; without the annotation, each declared port is scraped.
 */
const pods: ScrapeJob = {
  job_name: "pods",
  // Certificates of pods are of many authorities, often of the pod's own. Nothing secret is sent along.
  tls_config: { insecure_skip_verify: true },
  // One app that floods Prometheus is cut off and reported; it does not take the others with it.
  sample_limit: 50_000,
  body_size_limit: "64MB",
  label_limit: 64,
  kubernetes_sd_configs: [{ role: "pod" }],
  relabel_configs: [
    { source_labels: [`${pod}_annotation_prometheus_io_scrape`], regex: "true", action: "keep" },
    { source_labels: [`${pod}_phase`], regex: "Running", action: "keep" },
    { source_labels: [`${pod}_container_init`], regex: "true", action: "drop" },
    { source_labels: [`${pod}_container_port_protocol`], regex: "TCP", action: "keep" },
    copy(`${pod}_container_port_number`, "__wanted_port"),
    prefer(`${pod}_annotation_prometheus_io_port`, "__wanted_port"),
    { source_labels: [`${pod}_container_port_number`], target_label: "__wanted_port", action: "keepequal" },
    prefer(`${pod}_annotation_prometheus_io_path`, "__metrics_path__"),
    { source_labels: [`${pod}_annotation_prometheus_io_scheme`], regex: "(https?)", target_label: "__scheme__" },
    { regex: `${pod}_annotation_prometheus_io_param_(.+)`, replacement: "__param_$1", action: "labelmap" },
    copy("__meta_kubernetes_namespace", "namespace"),
    copy(`${pod}_name`, "pod"),
    copy(`${pod}_container_name`, "container"),
    copy(`${pod}_node_name`, "node"),
    // What an app calls itself; where it does not, its container.
    copy(`${pod}_container_name`, "app"),
    prefer(`${pod}_label_app`, "app"),
    prefer(`${pod}_label_k8s_app`, "app"),
    prefer(`${pod}_label_app_kubernetes_io_name`, "app"),
  ],
};
