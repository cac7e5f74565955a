// What does the collector of a node do with its lines? Reads each once, says whose it is, and holds it until it is taken.
import { dump } from "js-yaml";

/** Ports of every collector. */
export const ports = { health: 13133, metrics: 8888 } as const;

/** Folders within the pod. */
export const folders = { logs: "/var/log/pods", state: "/var/lib/otelcol" } as const;

/** Annotation of a pod: the commit that its lines are of, where it cannot say so in its lines. */
export const commitAnnotation = "plumbline.dev/commit";

/** What the configuration depends on. */
export interface CollectorFacts {
  /** Namespace of the collector, whose own lines it does not collect: each would make another one. */
  readonly namespace: string;
  readonly pushUrl: string;
  readonly tenant: string;
  readonly tenants: readonly { readonly name: string; readonly namespaces: readonly string[] }[];
  /** Regular expression (RE2) of how an entry begins. */
  readonly firstLine: string;
  /** Bytes that are held for each tenant. */
  readonly buffer: number;
}

const filesOf = (namespace: string): string => `${folders.logs}/${namespace}_*/*/*.log*`;

// A line as the container runtime writes it: time, stream, whether it goes on in the next one (P) or ends (F), text.
const line = (tag: string): string => `^\\S+ (?:stdout|stderr) ${tag} ?`;

/**
 * Reads files of pods. Lines are put together where they are read and not later: how far a file is read is written down
 * only after what was read is in the queue on disk, so that a kill loses nothing. What is read a second time has the same
 * time and text as before, and Loki keeps it once.
 */
const receiver = (include: readonly string[], exclude: readonly string[], firstLine: string) => ({
  include,
  // What the kubelet has compressed was read before: it leaves the newest two of a container's files as they are.
  exclude: [...exclude, `${folders.logs}/*/*/*.gz`, `${folders.logs}/*/*/*.tmp`],
  start_at: "beginning",
  include_file_name: false,
  include_file_path: true,
  storage: "file_storage",
  retry_on_failure: { enabled: true, max_elapsed_time: "0s" },
  multiline: { line_start_pattern: `${line("[FP]")}(?:${firstLine})` },
  // How long the last line waits for one that goes on with it.
  force_flush_period: "500ms",
  // A part of a long line may end in white space.
  preserve_trailing_whitespaces: true,
  operators: [
    {
      type: "regex_parser",
      regex: "^(?P<time>\\S+) (?P<stream>stdout|stderr) ",
      timestamp: {
        parse_from: "attributes.time",
        layout_type: "gotime",
        layout: "2006-01-02T15:04:05.999999999Z07:00",
      },
    },
    {
      type: "regex_parser",
      regex: "/(?P<namespace>[^/_]+)_(?P<pod>[^/_]+)_[^/]+/(?P<container>[^/]+)/[^/]+$",
      parse_from: 'attributes["log.file.path"]',
      parse_to: "resource",
    },
    { type: "move", from: "resource.namespace", to: 'resource["k8s.namespace.name"]' },
    { type: "move", from: "resource.pod", to: 'resource["k8s.pod.name"]' },
    // A part of a long line may look like a first line.
    {
      type: "recombine",
      combine_field: "body",
      combine_with: "",
      is_last_entry: "not (body matches `(?:^|\\n)\\S+ (?:stdout|stderr) P [^\\n]*\\n?$`)",
      max_log_size: "1MiB",
    },
    { type: "regex_replace", field: "body", regex: `(?m)${line("F")}(.*)`, replace_with: "$$1" },
    { type: "regex_replace", field: "body", regex: `(?m)${line("P")}(.*)(?:\\n|\\z)`, replace_with: "$$1" },
    { type: "regex_replace", field: "body", regex: "\\n+\\z", replace_with: "" },
  ],
});

const exporter = (pushUrl: string, tenant: string, buffer: number) => ({
  endpoint: pushUrl,
  headers: { "X-Scope-OrgID": tenant },
  // A request to somebody who has just gone is not answered: neither the lines in it nor an end of the pod waits long for that.
  timeout: "10s",
  // Without end: Loki refuses for good what it can never take, and that is not tried again.
  retry_on_failure: { enabled: true, initial_interval: "1s", max_interval: "15s", max_elapsed_time: "0s" },
  sending_queue: {
    enabled: true,
    storage: "file_storage",
    sizer: "bytes",
    queue_size: buffer,
    // When it is full, reading waits: the files of the pods are the next buffer.
    block_on_overflow: true,
    num_consumers: 2,
    batch: { sizer: "bytes", min_size: 256 * 1024, max_size: 2 * 1024 * 1024, flush_timeout: "500ms" },
  },
});

// The names by which lines are found, from those that Kubernetes' attributes have; nothing else of them is kept.
const named = {
  // A line that is no JSON says no commit: that is no error.
  error_mode: "silent",
  log_statements: [
    {
      context: "log",
      statements: [
        'set(log.cache["line"], ParseJSON(log.body)) where IsMatch(log.body, "^\\\\{.*\\"commit\\":")',
        'set(log.attributes["commit"], log.cache["line"]["commit"]) where IsString(log.cache["line"]["commit"])',
        'set(log.attributes["commit"], resource.attributes["commit"]) where log.attributes["commit"] == nil and resource.attributes["commit"] != nil',
        'keep_keys(log.attributes, ["stream", "commit"])',
      ],
    },
    {
      context: "resource",
      statements: [
        'set(resource.attributes["namespace"], resource.attributes["k8s.namespace.name"])',
        'set(resource.attributes["pod"], resource.attributes["k8s.pod.name"])',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the collector replaces it by the variable
        'set(resource.attributes["node"], "${env:NODE_NAME}")',
        'set(resource.attributes["app"], resource.attributes["k8s_app"]) where resource.attributes["app"] == nil',
        'set(resource.attributes["app"], resource.attributes["container"]) where resource.attributes["app"] == nil',
        'keep_keys(resource.attributes, ["namespace", "pod", "container", "app", "node"])',
      ],
    },
  ],
};

/** The configuration file. Each tenant has files, a queue and a way of its own: one that is held back holds back no other. */
export const collectorConfig = (facts: CollectorFacts): string => {
  const { namespace, pushUrl, tenant, tenants, firstLine, buffer } = facts;
  const others = tenants.flatMap(({ namespaces }) => namespaces.map(filesOf));
  const ways = [
    { name: tenant, include: [filesOf("*")], exclude: [...others, filesOf(namespace)] },
    ...tenants.map(({ name, namespaces }) => ({
      name,
      include: namespaces.map(filesOf),
      exclude: [filesOf(namespace)],
    })),
  ];
  const by = <T>(of: (way: (typeof ways)[number]) => [string, T]) => Object.fromEntries(ways.map(of));
  return dump(
    {
      extensions: {
        health_check: { endpoint: `0.0.0.0:${ports.health}` },
        file_storage: {
          directory: folders.state,
          // After a loss of power, when the file is broken: better lines twice than none.
          recreate: true,
          compaction: { on_start: true, on_rebound: true, directory: folders.state, cleanup_on_start: true },
        },
      },
      receivers: by(({ name, include, exclude }) => [`file_log/${name}`, receiver(include, exclude, firstLine)]),
      processors: {
        memory_limiter: { check_interval: "1s", limit_percentage: 75, spike_limit_percentage: 20 },
        k8s_attributes: {
          filter: { node_from_env_var: "NODE_NAME" },
          // A line that goes on before its pod is known would be of another stream than the next one.
          wait_for_metadata: true,
          wait_for_metadata_timeout: "60s",
          extract: {
            metadata: ["k8s.pod.name", "k8s.namespace.name"],
            labels: [
              { tag_name: "app", key: "app.kubernetes.io/name", from: "pod" },
              { tag_name: "k8s_app", key: "k8s-app", from: "pod" },
            ],
            annotations: [{ tag_name: "commit", key: commitAnnotation, from: "pod" }],
          },
          pod_association: [
            {
              sources: ["k8s.pod.name", "k8s.namespace.name"].map((name) => ({ from: "resource_attribute", name })),
            },
          ],
        },
        transform: named,
      },
      exporters: by(({ name }) => [`otlp_http/${name}`, exporter(pushUrl, name, buffer)]),
      service: {
        extensions: ["health_check", "file_storage"],
        pipelines: by(({ name }) => [
          `logs/${name}`,
          {
            receivers: [`file_log/${name}`],
            processors: ["memory_limiter", "k8s_attributes", "transform"],
            exporters: [`otlp_http/${name}`],
          },
        ]),
        telemetry: {
          logs: { encoding: "json" },
          metrics: { readers: [{ pull: { exporter: { prometheus: { host: "0.0.0.0", port: ports.metrics } } } }] },
        },
      },
    },
    { lineWidth: -1, noRefs: true },
  );
};
