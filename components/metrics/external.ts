// How are figures had where somebody else's Prometheus runs? By its address.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { url } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import type { Metrics } from "./metrics.ts";

/** Arguments of {@link ExternalMetrics}. */
export interface ExternalMetricsArgs {
  /** URL of a query API as Prometheus has it, without `/api`, as pods reach it: Amazon Managed Prometheus, Mimir, Thanos. */
  queryUrl: string;
  /** URL of an Alertmanager, without `/api`. Default: alerts are somebody else's. */
  alertsUrl?: string;
}

const schema = z.strictObject({ queryUrl: url, alertsUrl: url.exactOptional() });

/**
 * A Prometheus that the platform does not run.
 *
 * @example
 * new ExternalMetrics("metrics", { queryUrl: "https://prometheus.example.com" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalMetrics extends pulumi.ComponentResource {
  /** URL of the query API. */
  readonly queryUrl: pulumi.Output<string>;
  /** URL of the Alertmanager, where there is one. */
  readonly alertsUrl: pulumi.Output<string | undefined>;

  constructor(name: string, args: ExternalMetricsArgs, opts: pulumi.ComponentResourceOptions = {}) {
    refuse(`ExternalMetrics ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:ExternalMetrics", name, { ...args }, opts);
    this.queryUrl = pulumi.output(args.queryUrl);
    this.alertsUrl = pulumi.output(args.alertsUrl);
    this.registerOutputs({ queryUrl: this.queryUrl, alertsUrl: this.alertsUrl });
  }
}

/** A Prometheus that somebody else runs, as the layer of the slot `metrics`. */
export const externalMetrics = (args: ExternalMetricsArgs): Layer<"metrics"> =>
  layer({
    slot: "metrics",
    implementation: "external",
    needs: [],
    build: (name, _, opts): Metrics => {
      const { queryUrl } = new ExternalMetrics(name, args, opts);
      return { queryUrl, ...(args.alertsUrl && { alertsUrl: pulumi.output(args.alertsUrl) }) };
    },
  });
