// How is an app? Rate, errors and duration of its requests, then its pods and its delivery, by namespace.
import type { DashboardArgs } from "./board.ts";

// Requests as the ingress counts them, so that an app without figures of its own has them too. Traefik names a service by
// its namespace first; ingress-nginx has a label, which Prometheus renames because the pod that is scraped has one as well.
const rate = (series: string, matchers: string) => `rate(${series}{${matchers}}[$__rate_interval])`;
const ofTraefik = 'service=~"$namespace-.+"';
const ofNginx = 'exported_namespace=~"$namespace"';

const all =
  `${rate("traefik_service_requests_total", ofTraefik)} or ` +
  `label_replace(${rate("nginx_ingress_controller_requests", ofNginx)}, "code", "$1", "status", "(.+)")`;
const failed =
  `${rate("traefik_service_requests_total", `${ofTraefik},code=~"5.."`)} or ` +
  rate("nginx_ingress_controller_requests", `${ofNginx},status=~"5.."`);
const failedShare = `(sum(${failed}) or vector(0)) / sum(${all})`;
const quantile = (share: number) =>
  `histogram_quantile(${share}, sum by (le) (${rate("traefik_service_request_duration_seconds_bucket", ofTraefik)} or ` +
  `${rate("nginx_ingress_controller_request_duration_seconds_bucket", ofNginx)}))`;

const here = 'namespace=~"$namespace"';
const containers = `${here},container!="",container!="POD"`;
const probes = (result: string) =>
  `sum by (pod) (rate(prober_probe_total{${here},probe_type="Readiness"${result}}[$__rate_interval]))`;

/** The dashboard of one app. */
export const appBoard: DashboardArgs = {
  name: "plumbline-app",
  title: "App",
  description: "Rate, errors and duration of an app's requests, its pods, and its delivery.",
  variables: [
    {
      name: "namespace",
      label: "Namespace",
      of: 'container_memory_working_set_bytes{container!=""}',
      field: "namespace",
      all: true,
    },
  ],
  rows: [
    {
      title: "Requests from outside",
      panels: [
        {
          title: "Requests",
          description:
            "As the ingress counts them; a namespace whose name begins with this one and a dash is counted too.",
          kind: "stat",
          unit: "reqps",
          width: 8,
          queries: [{ expr: `sum(${all})` }],
        },
        {
          title: "Requests that fail",
          description: "Share of answers with status 500 and above.",
          kind: "stat",
          unit: "percentunit",
          width: 8,
          queries: [{ expr: failedShare }],
          thresholds: [
            { from: 0.01, color: "orange" },
            { from: 0.05, color: "red" },
          ],
        },
        {
          title: "Time of an answer, 95 of 100 requests",
          kind: "stat",
          unit: "s",
          width: 8,
          queries: [{ expr: quantile(0.95) }],
        },
        {
          title: "Rate, by status",
          unit: "reqps",
          width: 8,
          queries: [{ expr: `sum by (code) (${all})`, legend: "{{ code }}" }],
        },
        {
          title: "Errors, share of requests",
          unit: "percentunit",
          width: 8,
          queries: [{ expr: failedShare, legend: "fail" }],
        },
        {
          title: "Duration",
          unit: "s",
          width: 8,
          queries: [
            { expr: quantile(0.5), legend: "half" },
            { expr: quantile(0.95), legend: "95 of 100" },
            { expr: quantile(0.99), legend: "99 of 100" },
          ],
        },
      ],
    },
    {
      title: "Pods",
      panels: [
        {
          title: "Readiness probes that succeed",
          unit: "percentunit",
          queries: [{ expr: `${probes(',result="successful"')} / ${probes("")}`, legend: "{{ pod }}" }],
        },
        {
          title: "Starts of containers within an hour",
          description: "One start is what each has; more are restarts.",
          queries: [
            {
              expr: `count by (pod, container) (count_over_time(container_start_time_seconds{${containers}}[1h]))`,
              legend: "{{ pod }} {{ container }}",
            },
          ],
          thresholds: [{ from: 4, color: "red" }],
        },
        {
          title: "CPU",
          description: "Cores.",
          queries: [
            {
              expr: `sum by (pod) (rate(container_cpu_usage_seconds_total{${containers}}[$__rate_interval]))`,
              legend: "{{ pod }}",
            },
          ],
        },
        {
          title: "CPU that the limit withheld",
          description:
            "Share of the periods in which a container wanted more than its limit; without a limit nothing is withheld.",
          unit: "percentunit",
          queries: [
            {
              expr: `sum by (pod) (rate(container_cpu_cfs_throttled_periods_total{${containers}}[$__rate_interval])) / sum by (pod) (rate(container_cpu_cfs_periods_total{${containers}}[$__rate_interval])) or 0 * sum by (pod) (container_memory_working_set_bytes{${containers}})`,
              legend: "{{ pod }}",
            },
          ],
          thresholds: [{ from: 0.25, color: "orange" }],
        },
        {
          title: "Memory",
          unit: "bytes",
          queries: [{ expr: `sum by (pod) (container_memory_working_set_bytes{${containers}})`, legend: "{{ pod }}" }],
        },
        {
          title: "Memory, share of the limit",
          description: "At the limit the kernel ends the container.",
          unit: "percentunit",
          queries: [
            {
              expr: `max by (pod, container) (container_memory_working_set_bytes{${containers}} / (container_spec_memory_limit_bytes{${containers}} > 0))`,
              legend: "{{ pod }} {{ container }}",
            },
          ],
          thresholds: [{ from: 0.9, color: "red" }],
        },
      ],
    },
    {
      title: "Delivery",
      panels: [
        {
          title: "Tries to deliver, a minute",
          description: "Of the agent: at each interval, and after each commit.",
          queries: [
            {
              expr: 'sum by (name) (rate(gotk_reconcile_duration_seconds_count{kind="Kustomization",exported_namespace=~"$namespace"}[$__rate_interval])) * 60',
              legend: "{{ name }}",
            },
          ],
        },
        {
          title: "Time of a delivery",
          unit: "s",
          queries: [
            {
              expr: 'sum by (name) (rate(gotk_reconcile_duration_seconds_sum{kind="Kustomization",exported_namespace=~"$namespace"}[$__rate_interval])) / sum by (name) (rate(gotk_reconcile_duration_seconds_count{kind="Kustomization",exported_namespace=~"$namespace"}[$__rate_interval]))',
              legend: "{{ name }}",
            },
          ],
        },
      ],
    },
  ],
};
