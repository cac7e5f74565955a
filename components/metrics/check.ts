// Which values may the arguments of the metrics layers have? The pieces that their schemas share.
import { z } from "zod";
import { duration, secondsOf } from "../check.ts";
import { promqlProblem } from "../promql.ts";

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

/** A namespace; the one of the nodes' exporter is named after it. */
export const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?$/, "1 to 57 of a-z, 0-9 and -, as Kubernetes names are");
