// What does Fluentd do with the lines of a node? Puts entries together, says whose they are, and holds them on disk until taken.
import type { CollectedTenantArgs } from "./otel-collector.ts";

/** Folder of the pod for what is held and how far each file is read. */
export const stateFolder = "/var/lib/fluentd";
/** Port of health and figures, which the chart opens. */
export const metricsPort = 24231;
/** Plug-in that writes to Loki, which the vendor's image lacks, and its release. */
export const lokiPlugin = "fluent-plugin-grafana-loki -v 1.2.20 --no-document";

/** What the configuration depends on. */
export interface FluentdFacts {
  /** Namespace of the collector, whose own lines it does not collect: each would make another one. */
  readonly namespace: string;
  /** URL of Loki, without `/loki/api/v1/push`. */
  readonly lokiUrl: string;
  readonly tenant: string;
  readonly tenants: readonly CollectedTenantArgs[];
  /** Regular expression (Ruby) of how an entry begins. */
  readonly firstLine: string;
  /** Bytes that are held for each tenant. */
  readonly buffer: number;
}

// In Ruby's double quotes, which Fluentd's configuration has as well, nothing but these is special.
const quoted = (text: string): string => JSON.stringify(text).replaceAll("#{", "\\#{");

const sources = (namespace: string) => `<source>
  @type tail
  @id lines
  @label @LINES
  path /var/log/containers/*.log
  exclude_path ["/var/log/containers/*_${namespace}_*.log"]
  pos_file ${stateFolder}/positions
  tag kubernetes.*
  read_from_head true
  refresh_interval 2
  rotate_wait 30
  <parse>
    @type cri
    time_type string
    time_format %Y-%m-%dT%H:%M:%S.%N%:z
    keep_time_key false
  </parse>
</source>
<source>
  @type prometheus
  bind 0.0.0.0
  port ${metricsPort}
  metrics_path /metrics
</source>
<source>
  @type prometheus_output_monitor
</source>
`;

// The first puts together what the container runtime has cut, the second what belongs to one entry.
const entries = (firstLine: string) => `<label @LINES>
  <filter **>
    @type concat
    key message
    separator ""
    use_partial_cri_logtag true
    partial_cri_logtag_key logtag
    partial_cri_stream_key stream
  </filter>
  <filter **>
    @type concat
    key message
    separator "\\n"
    stream_identity_key stream
    multiline_start_regexp /^(?:${firstLine.replaceAll("/", "\\/")})/
    flush_interval 1
    timeout_label @ENTRIES
  </filter>
  <match **>
    @type relabel
    @label @ENTRIES
  </match>
</label>
`;

const label = (...names: string[]) =>
  names.map((name) => `record.dig("kubernetes", "labels", ${JSON.stringify(name)})`).join(" || ");

// A line that is no JSON says no commit: that is no error.
const named = `<label @ENTRIES>
  <filter **>
    @type kubernetes_metadata
    skip_namespace_metadata true
    skip_master_url true
    annotation_match ["^plumbline.dev/commit$"]
  </filter>
  <filter **>
    @type record_transformer
    enable_ruby true
    auto_typecast true
    renew_record true
    keep_keys message,stream
    <record>
      namespace \${record.dig("kubernetes", "namespace_name")}
      pod \${record.dig("kubernetes", "pod_name")}
      container \${record.dig("kubernetes", "container_name")}
      node \${ENV["NODE_NAME"]}
      app \${${label("app.kubernetes.io/name", "app_kubernetes_io/name", "k8s-app")} || record.dig("kubernetes", "container_name")}
      commit \${record["message"].to_s[/\\A\\{.*"commit":\\s*"([^"]*)"/m, 1] || (record.dig("kubernetes", "annotations") || {}).values.first}
    </record>
  </filter>
  <match **>
    @type relabel
    @label @OUTPUT
  </match>
</label>
`;

const output = (tags: string, tenant: string, { lokiUrl, buffer }: FluentdFacts) => `  <match ${tags}>
    @type loki
    @id loki_${tenant}
    url ${quoted(lokiUrl)}
    tenant ${quoted(tenant)}
    line_format json
    drop_single_key true
    include_thread_label false
    <label>
      namespace
      pod
      container
      app
      node
      stream
      commit
    </label>
    <buffer>
      @type file
      path ${stateFolder}/buffer/${tenant}
      chunk_limit_size 2m
      total_limit_size ${buffer}
      flush_mode interval
      flush_interval 1s
      flush_thread_count 1
      flush_at_shutdown false
      retry_forever true
      retry_wait 1s
      retry_max_interval 15s
      overflow_action block
    </buffer>
  </match>
`;

/** Files of the configuration under the names that the chart has for them: its own ones are replaced, all of them. */
export const fluentdFiles = (facts: FluentdFacts): Record<string, string> => {
  const { tenant, tenants, namespace, firstLine } = facts;
  // A tag ends in <pod>_<namespace>_<container>-<id>.log, and no name has an underscore.
  const ofTenants = tenants.map(({ name, namespaces }) => output(`/_(?:${namespaces.join("|")})_/`, name, facts));
  return {
    "01_sources.conf": sources(namespace),
    "02_filters.conf": entries(firstLine),
    "03_dispatch.conf": named,
    "04_outputs.conf": `<label @OUTPUT>\n${[...ofTenants, output("**", tenant, facts)].join("")}</label>\n`,
  };
};
