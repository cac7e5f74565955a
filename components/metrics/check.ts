// Which values may the arguments of the metrics layers have? The pieces that their schemas share.
import { z } from "zod";
import { words } from "../check.ts";
import { promqlProblem } from "../promql.ts";
import { Severity } from "./severity.ts";

// The units of Prometheus' own durations, largest first, each at most once.
const units = { y: 31_536_000, w: 604_800, d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 } as const;
const durationPattern = new RegExp(
  `^(?=\\d)${Object.keys(units)
    .map((unit) => `(?:(\\d+)${unit})?`)
    .join("")}$`,
);

/** Seconds of a Prometheus duration such as "1h30m"; undefined where it is none. */
export const secondsOf = (text: string): number | undefined => {
  const found = durationPattern.exec(text);
  if (!found) return undefined;
  return Object.values(units).reduce((sum, unit, index) => sum + unit * Number(found[index + 1] ?? 0), 0);
};

/** A Prometheus duration. */
export const duration = z
  .string()
  .refine((text) => secondsOf(text) !== undefined, 'a Prometheus duration such as "30s", "5m" or "1h30m"');

// `rate(...[5m])` of the rules here needs four samples to bear the loss of one.
const slowest = 75;

/** How often something is scraped or evaluated. */
export const interval = duration.refine((text) => {
  const seconds = secondsOf(text);
  return seconds === undefined || (seconds >= 1 && seconds <= slowest);
}, "1s to 1m15s: the rules of the platform look at windows of five minutes");

/** An expression that Prometheus evaluates. */
export const promql = z.string().superRefine((text, context) => {
  const message = promqlProblem(text);
  if (message) context.addIssue({ code: "custom", message });
});

/** How bad an alert is. */
export const severity = z.string().refine((text) => Object.values<string>(Severity).includes(text), words(Severity));

/** A namespace; the one of the nodes' exporter is named after it. */
export const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?$/, "1 to 57 of a-z, 0-9 and -, as Kubernetes names are");

/** Labels of series. */
export const seriesLabels = z.record(
  z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/, "a label of a-z, A-Z, 0-9 and _, not starting with __"),
  z.string("a text"),
);
