// What is an alert? Typed values that Prometheus and Loki evaluate alike, each in its own language.
import { z } from "zod";
import { duration, seriesLabels, severity, url } from "./check.ts";
import type { Problem } from "./problems.ts";

/** An alert: an expression, and what a person is told when it has an answer. */
export interface AlertArgs {
  /** Name, unique among all alerts: "ShopOrdersFail". */
  name: string;
  /** PromQL over figures, LogQL over lines. Each series of its answer is an alert of its own. */
  expr: string;
  /** How long there must be an answer, as a Prometheus duration. Default: "5m". */
  for?: string;
  /** How long it goes on firing once there is no answer, as a Prometheus duration. Default: not at all. */
  keepFiringFor?: string;
  /** "critical", "warning", "info" or "none". */
  severity: string;
  /** One line. `{{ $labels.pod }}` and `{{ $value }}` are replaced. */
  summary: string;
  /** What it means and what to do. Default: nothing. */
  description?: string;
  /** URL of the page that says what to do. Default: none. */
  runbook?: string;
  /** Further labels, by which receivers may choose: `{ team: "shop" }`. Default: none. */
  labels?: Record<string, string>;
}

const ownLabels = seriesLabels.refine((labels) => !("severity" in labels || "alertname" in labels), {
  error: "labels other than severity and alertname, which are fields",
});

/** The fields of an alert whose expressions are of one language. */
export const alertOf = (expr: z.ZodType<string>) =>
  z.strictObject({
    name: z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "a name of a-z, A-Z, 0-9 and _"),
    expr,
    for: duration.exactOptional(),
    keepFiringFor: duration.exactOptional(),
    severity,
    summary: z.string().trim().min(1, "one line that says what is wrong"),
    description: z.string("a text").exactOptional(),
    runbook: url.exactOptional(),
    labels: ownLabels.exactOptional(),
  }) satisfies z.ZodType<AlertArgs>;

/** Names that are given twice, or that a rule of the platform has already. */
export const nameProblems = (field: string, names: readonly string[], taken: readonly string[] = []): Problem[] =>
  names.flatMap((value, index) => {
    const at = names.indexOf(value);
    const owner = taken.includes(value) ? "a rule of the platform" : at < index ? `${field}.${at}` : undefined;
    return owner ? [{ field: `${field}.${index}`, value, allowed: `a name of its own: ${owner} has this one` }] : [];
  });

/** An alert as Prometheus and Loki read it from a rule file. */
export const writtenAlert = (alert: AlertArgs) => ({
  alert: alert.name,
  expr: alert.expr,
  for: alert.for ?? "5m",
  ...(alert.keepFiringFor && { keep_firing_for: alert.keepFiringFor }),
  labels: { ...alert.labels, severity: alert.severity },
  annotations: {
    summary: alert.summary,
    ...(alert.description && { description: alert.description }),
    ...(alert.runbook && { runbook_url: alert.runbook }),
  },
});
