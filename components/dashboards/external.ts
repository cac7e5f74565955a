// How do the dashboards get to a Grafana that somebody else runs? As ConfigMaps that its sidecar looks for.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { objectName, url } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { type DashboardArgs, dashboardSchema } from "./board.ts";
import type { Dashboards } from "./dashboards.ts";
import { boardFiles, boardProblems, boardsFor } from "./default-boards.ts";

/** Arguments of {@link ExternalDashboards}. */
export interface ExternalDashboardsArgs {
  /** URL as people reach that Grafana. */
  url: string;
  /**
   * Namespace in which its sidecar looks for dashboards, with `sidecar.dashboards.enabled` of Grafana's chart or of
   * kube-prometheus-stack; it is there already. Default: no dashboards are delivered.
   */
  namespace?: string;
  /** Labels by which the sidecar knows a dashboard. Default: `{ grafana_dashboard: "1" }`. */
  labels?: Record<string, string>;
  /** Annotation that names the folder, as its `sidecar.dashboards.folderAnnotation` says. Default: "grafana_folder". */
  folderAnnotation?: string;
  /**
   * Which data source of logs that Grafana has: "logql" (Loki), "logsql" (VictoriaLogs, by the plug-in of its vendor) or "none".
   * Default: "logql"; for a stack, that of its layer of the slot `logs`.
   */
  logs?: string;
  /** Dashboards besides those of the platform. Default: none. */
  dashboards?: DashboardArgs[];
}

const labelName = z
  .string()
  .regex(/^([-a-z0-9.]+\/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, "a name of a label");

const schema = z.strictObject({
  url,
  namespace: objectName.exactOptional(),
  labels: z.record(labelName, z.string("a text")).exactOptional(),
  folderAnnotation: labelName.exactOptional(),
  logs: z.enum(["logql", "logsql", "none"], '"logql", "logsql", "none"').exactOptional(),
  dashboards: z.array(dashboardSchema).exactOptional(),
});

/**
 * A Grafana that the platform does not run. Its data sources are its own: each dashboard offers those of the right type.
 *
 * @example
 * new ExternalDashboards("dashboards", { url: "https://grafana.example.com", namespace: "monitoring" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalDashboards extends pulumi.ComponentResource implements Dashboards {
  /** URL as people reach it. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: ExternalDashboardsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const problems = problemsOf(schema.safeParse(args), args, "");
    const { namespace, labels = { grafana_dashboard: "1" }, folderAnnotation = "grafana_folder" } = args;
    const logs = args.logs === "none" ? undefined : args.logs === "logsql" ? "logsql" : "logql";
    refuse(`ExternalDashboards ${name}`, [
      ...problems,
      ...(problems.length === 0 ? boardProblems(args.dashboards ?? [], { logs }) : []),
    ]);
    super("plumbline:index:ExternalDashboards", name, { ...args }, opts);
    if (namespace) {
      for (const { slug, title, data } of boardFiles(boardsFor({ logs }, args.dashboards))) {
        new k8s.core.v1.ConfigMap(
          `${name}-${slug}`,
          {
            metadata: {
              name: `plumbline-dashboards-${slug}`,
              namespace,
              labels,
              annotations: { [folderAnnotation]: title },
            },
            data,
          },
          { parent: this },
        );
      }
    }
    this.url = pulumi.output(args.url);
    this.registerOutputs({ url: this.url });
  }
}

/** A Grafana that somebody else runs, as the layer of the slot `dashboards`. */
export const externalDashboards = (args: Omit<ExternalDashboardsArgs, "logs">): Layer<"dashboards", never, "logs"> =>
  layer({
    slot: "dashboards",
    implementation: "external",
    needs: [],
    uses: ["logs"],
    build: (name, { logs }, opts) => new ExternalDashboards(name, { ...args, logs: logs?.language ?? "none" }, opts),
  });
