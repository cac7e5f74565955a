// How do people see figures, logs and alerts? Grafana, by the vendor's chart; what it shows is declared here.
import { randomBytes } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { Certificates } from "../certificates/certificates.ts";
import { installChart, type ValuesTransform, type VendorChartArgs, vendorChart } from "../chart.ts";
import { charts } from "../chart-versions.ts";
import { objectName, type SecretKeyArgs, secretKey, size, url, words } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import type { Ingress } from "../ingress/ingress.ts";
import { everyTenant, type LogsLanguage } from "../logs/logs.ts";
import { layerNamespace } from "../namespace.ts";
import { type Problem, refuse } from "../problems.ts";
import { Size } from "../size.ts";
import { type Layer, layer } from "../slot.ts";
import { labels } from "../workload.ts";
import { type DashboardArgs, dashboardSchema } from "./board.ts";
import type { Dashboards } from "./dashboards.ts";
import { boardFiles, boardProblems, boardsFor } from "./default-boards.ts";
import { adminKeys, grafanaValues, names } from "./grafana-values.ts";
import { type GrafanaOidcArgs, oidcSchema } from "./oidc.ts";

/** Where Grafana keeps people, stars and sessions: PostgreSQL. */
export interface GrafanaDatabaseArgs {
  /** The server, as `host:port`. */
  host: string;
  /** Name of the database. */
  name: string;
  /** Who logs in. */
  user: string;
  /** Holds the password. */
  password: SecretKeyArgs;
  /** "verify-full", "require" (encrypted, to whomever) or "disable". Default: "require". */
  tls?: string;
}

/** Arguments of {@link Grafana}. Secrets that they name are of its namespace. */
export interface GrafanaArgs {
  /** URL of a query API as Prometheus has it, without `/api`, as pods reach it. Known before anything is changed. */
  metricsUrl: pulumi.Input<string>;
  /** URL of an Alertmanager, without `/api`. Default: alerts are not shown. */
  alertsUrl?: pulumi.Input<string>;
  /** URL of a Loki, without `/loki/api`, or of a VictoriaLogs, without `/select`. Default: no logs are shown. */
  logsUrl?: pulumi.Input<string>;
  /**
   * In which language it is asked: "logql", or "logsql" for VictoriaLogs, for which each pod fetches the plug-in of its vendor
   * at its start. Default: "logql".
   */
  logsLanguage?: string;
  /** Tenants that Loki is asked for, with `|` between them: its header `X-Scope-OrgID`. Default: none is named. */
  logsTenant?: string;
  /** Namespace. Default: "grafana". */
  namespace?: string;
  /** `single` or `ha`: two replicas, which need a `database`. Default: `single`. */
  size?: Size;
  /** URL as people reach it. Default: that of its Service within the cluster. */
  url?: string;
  /** How people come in beside the account `admin`. Default: not at all. */
  oidc?: GrafanaOidcArgs;
  /** Where people, stars and sessions are kept. Default: in the pod, as long as it lives. */
  database?: GrafanaDatabaseArgs;
  /** Dashboards besides those of the platform. Default: none. */
  dashboards?: DashboardArgs[];
  /** Registry that holds the images under their own repository names. Default: the vendor's. */
  mirror?: string;
  /** The vendor's chart: another release, or another place that holds it. Default: the pinned one, from the vendor. */
  chart?: VendorChartArgs;
}

/** What code says about {@link Grafana}. */
export interface GrafanaOptions extends pulumi.ComponentResourceOptions {
  /** Who lets requests for the host of `url` in, and who signs its certificate. Default: somebody else sees to that. */
  exposed?: { ingress: Ingress; certificates: Certificates };
  transform?: {
    /** Changes the values of the chart. */
    values?: ValuesTransform;
  };
}

const encryptions = { verified: "verify-full", encrypted: "require", plain: "disable" };
const schema = z.strictObject({
  metricsUrl: z.unknown(),
  alertsUrl: z.unknown().optional(),
  logsUrl: z.unknown().optional(),
  logsTenant: z
    .string()
    .regex(/^[-a-zA-Z0-9_.|]+$/, "names of tenants, with | between them")
    .exactOptional(),
  logsLanguage: z.enum(["logql", "logsql"], '"logql", "logsql"').exactOptional(),
  namespace: objectName.exactOptional(),
  size: size.exactOptional(),
  url: url.exactOptional(),
  oidc: oidcSchema.exactOptional(),
  database: z
    .strictObject({
      host: z.string().regex(/^[^\s:]+:\d+$/, 'a server such as "db.example.com:5432"'),
      name: z.string().regex(/^\w+$/, "a name of a-z, 0-9 and _"),
      user: z.string().regex(/^\w+$/, "a name of a-z, 0-9 and _"),
      password: secretKey,
      tls: z
        .string()
        .refine((word) => Object.values(encryptions).includes(word), words(encryptions))
        .exactOptional(),
    })
    .exactOptional(),
  dashboards: z.array(dashboardSchema).exactOptional(),
  mirror: z.string().exactOptional(),
  chart: vendorChart.exactOptional(),
});

const problemsIn = (args: GrafanaArgs): Problem[] => {
  const problems = problemsOf(schema.safeParse(args), args, "");
  for (const field of ["metricsUrl", "alertsUrl", "logsUrl"] as const) {
    const value = args[field];
    if ((value !== undefined || field === "metricsUrl") && !pulumi.Output.isInstance(value)) {
      problems.push(...problemsOf(url.safeParse(value), value, field));
    }
  }
  if (problems.length > 0) return problems;
  if (args.size === Size.Ha && !args.database) {
    const allowed = 'together with `size: "ha"`: two replicas share what people keep';
    problems.push({ field: "database", value: undefined, allowed });
  }
  return [...problems, ...boardProblems(args.dashboards ?? [], { logs: languageOf(args) })];
};

/** In which language lines are asked for, where anybody keeps them. */
export const languageOf = ({ logsUrl, logsLanguage = "logql" }: GrafanaArgs): LogsLanguage | undefined =>
  logsUrl === undefined ? undefined : logsLanguage === "logsql" ? "logsql" : "logql";

/**
 * Grafana with the dashboards of the platform and those of the stack, by the vendor's chart.
 *
 * What people click together stays in the pod or the `database`; what Git declares cannot be changed in the browser. The
 * password of the account `admin` is made once and stands in the Secret `grafana-admin` alone.
 *
 * @example
 * new Grafana("dashboards", { metricsUrl: "http://prometheus.monitoring:9090", url: "https://grafana.example.com" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class Grafana extends pulumi.ComponentResource implements Dashboards {
  /** URL as people reach it. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: GrafanaArgs, opts: GrafanaOptions = {}) {
    const { transform, exposed, ...options } = opts;
    refuse(`Grafana ${name}`, [
      ...problemsIn(args),
      ...(exposed && !args.url?.startsWith("https:")
        ? [{ field: "url", value: args.url, allowed: "an https URL, where it is exposed with a certificate" }]
        : []),
    ]);
    super("plumbline:index:Grafana", name, { ...args }, options);
    const { namespace = "grafana" } = args;
    const reached = args.url ?? `http://${names.release}.${namespace}.svc.cluster.local`;
    const parent = { parent: this };
    const home = layerNamespace(name, { namespace, slot: "dashboards" }, parent);
    const within = { parent: this, dependsOn: home };
    const metadata = (own: string) => ({ name: own, namespace, labels: labels("grafana") });
    const text = () => Buffer.from(randomBytes(24).toString("hex")).toString("base64");
    const admin = new k8s.core.v1.Secret(
      `${name}-admin`,
      {
        metadata: metadata(names.admin),
        data: pulumi.secret({
          [adminKeys.user]: Buffer.from("admin").toString("base64"),
          [adminKeys.password]: text(),
          [adminKeys.encryption]: text(),
        }),
      },
      // Each run makes other ones: those that the cluster has count.
      { ...within, ignoreChanges: ["data"] },
    );
    const files = boardFiles(boardsFor({ logs: languageOf(args) }, args.dashboards));
    const folders = files.map(({ slug, title }) => ({ slug, title, configMap: `dashboards-${slug}` }));
    const maps = files.map(
      ({ slug, data }) =>
        new k8s.core.v1.ConfigMap(`${name}-${slug}`, { metadata: metadata(`dashboards-${slug}`), data }, within),
    );
    const opened = openings(name, namespace, args, within);
    const installed = installChart(
      name,
      {
        chart: charts.grafana,
        from: args.chart,
        namespace,
        slot: "dashboards",
        home,
        release: names.release,
        values: grafanaValues(args, reached, folders),
        transform: transform?.values,
      },
      { parent: this, dependsOn: [admin, ...maps, opened] },
    );
    if (exposed) {
      const host = new URL(reached).hostname;
      const certificate = "grafana-certificate";
      const request = { name: names.release, namespace };
      const issued = exposed.certificates.issue(
        `${name}-certificate`,
        { ...request, hosts: [host], secret: certificate },
        within,
      );
      exposed.ingress.expose(
        `${name}-ingress`,
        { ...request, host, service: names.release, port: 80, certificate },
        { parent: this, dependsOn: [issued, installed] },
      );
    }
    this.url = pulumi.output(reached);
    this.registerOutputs({ url: this.url });
  }
}

/** Whom Grafana asks, and who asks it. */
const openings = (
  name: string,
  namespace: string,
  { metricsUrl, alertsUrl, logsUrl, oidc, database }: GrafanaArgs,
  opts: pulumi.ComponentResourceOptions,
): k8s.networking.v1.NetworkPolicy => {
  const ports = pulumi
    .all([metricsUrl, alertsUrl, logsUrl, oidc?.authorizationUrl, oidc?.tokenUrl, oidc?.userUrl])
    .apply((urls) => [
      ...new Set([
        ...urls.filter((each) => each !== undefined).map(portOf),
        ...(database ? [Number(database.host.slice(database.host.lastIndexOf(":") + 1))] : []),
      ]),
    ]);
  return new k8s.networking.v1.NetworkPolicy(
    `${name}-grafana`,
    {
      metadata: { name: "grafana", namespace },
      spec: {
        podSelector: { matchLabels: labels("grafana") },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [
              {
                namespaceSelector: {
                  matchExpressions: [{ key: "plumbline.dev/slot", operator: "In", values: ["ingress", "metrics"] }],
                },
              },
            ],
            ports: [{ protocol: "TCP", port: names.port }],
          },
        ],
        egress: [{ ports: ports.apply((found) => found.map((port) => ({ protocol: "TCP", port }))) }],
      },
    },
    opts,
  );
};

const portOf = (address: string): number => {
  const { port, protocol } = new URL(address);
  return Number(port) || (protocol === "http:" ? 80 : 443);
};

/** What a stack says of Grafana; the rest follows from its other layers. */
export interface GrafanaSettings
  extends Omit<GrafanaArgs, "metricsUrl" | "alertsUrl" | "logsUrl" | "logsLanguage" | "logsTenant" | "mirror" | "url">,
    Pick<GrafanaOptions, "transform"> {
  /** DNS name under which the layer of the slot `ingress` lets it be reached, by HTTPS. Default: it does not. */
  host?: string;
}

/** Grafana as the layer of the slot `dashboards`. With a `host` it needs the slots `ingress` and `certificates` too. */
export function grafana(
  settings: GrafanaSettings & { host: string },
): Layer<"dashboards", "cluster" | "metrics" | "ingress" | "certificates", "logs">;
export function grafana(settings?: GrafanaSettings): Layer<"dashboards", "cluster" | "metrics", "logs">;
export function grafana({ host, transform, ...args }: GrafanaSettings = {}) {
  const namespace = args.namespace ?? "grafana";
  return layer({
    slot: "dashboards",
    implementation: "grafana",
    version: charts.grafana.appVersion,
    needs: host ? ["cluster", "metrics", "ingress", "certificates"] : ["cluster", "metrics"],
    uses: ["logs"],
    reach: { service: names.release, namespace, port: 80, scheme: "http" },
    build: (name, { cluster, metrics, logs, ingress, certificates }, opts): Dashboards =>
      new Grafana(
        name,
        {
          ...args,
          metricsUrl: metrics.queryUrl,
          ...(metrics.alertsUrl && { alertsUrl: metrics.alertsUrl }),
          ...(logs && { logsUrl: logs.queryUrl, logsLanguage: logs.language }),
          ...(logs?.language === "logql" && { logsTenant: everyTenant(logs) }),
          ...(host && { url: `https://${host}` }),
          ...(cluster.mirror && { mirror: cluster.mirror }),
        },
        {
          ...opts,
          ...(transform && { transform }),
          ...(host && { exposed: { ingress, certificates } }),
        },
      ),
  });
}
