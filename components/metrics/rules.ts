// What does Prometheus evaluate? Alerts and recordings as typed values, and the file that it reads them from.
import { dump } from "js-yaml";
import { z } from "zod";
import { type AlertArgs, alertOf, writtenAlert } from "../alerts.ts";
import { seriesLabels } from "../check.ts";
import { promql } from "./check.ts";

/** A series that is computed at each evaluation, so that dashboards and alerts need not. */
export interface RecordingArgs {
  /** Name of the series, by custom `<labels that are left>:<metric>:<operation>`: "app:http_requests:rate5m". */
  record: string;
  /** PromQL. */
  expr: string;
  /** Labels that the series gets. Default: those of the answer. */
  labels?: Record<string, string>;
}

export const alertSchema = alertOf(promql);

export const recordingSchema = z.strictObject({
  record: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "the name of a series: a-z, A-Z, 0-9, _ and :"),
  expr: promql,
  labels: seriesLabels.exactOptional(),
}) satisfies z.ZodType<RecordingArgs>;

/** Rules that are evaluated together. */
export interface RuleGroup {
  readonly name: string;
  readonly alerts?: readonly AlertArgs[];
  readonly recordings?: readonly RecordingArgs[];
}

/** The rule file. Recordings stand before alerts: a group is evaluated in its order. */
export const ruleFile = (groups: readonly RuleGroup[]): string =>
  dump(
    {
      groups: groups
        .map(({ name, alerts = [], recordings = [] }) => ({
          name,
          rules: [...recordings, ...alerts.map(writtenAlert)],
        }))
        .filter(({ rules }) => rules.length > 0),
    },
    { lineWidth: -1, noRefs: true },
  );
