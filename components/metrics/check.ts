// Which values may the arguments of the metrics layers have? The pieces that their schemas share.
import { z } from "zod";
import { Size } from "../size.ts";
import { promqlProblem } from "./promql.ts";
import { Severity } from "./severity.ts";

const words = (allowed: Record<string, string>): string =>
  Object.values(allowed)
    .map((word) => `"${word}"`)
    .join(", ");

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

const binary = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 } as const;
const quantityPattern = /^([1-9]\d*)(Ki|Mi|Gi|Ti|Pi)$/;

/** Bytes of a Kubernetes quantity such as "20Gi"; undefined where it is none. */
export const bytesOf = (quantity: string): number | undefined => {
  const [, count, unit] = quantityPattern.exec(quantity) ?? [];
  return unit === undefined ? undefined : Number(count) * binary[unit as keyof typeof binary];
};

/** Size of a volume. Smaller ones hold less than a block of samples. */
export const volume = z
  .string()
  .refine((text) => (bytesOf(text) ?? 0) >= binary.Gi, 'a quantity of at least "1Gi", with the unit Mi, Gi, Ti or Pi');

/** One or more replicas. */
export const size = z.string().refine((text) => Object.values<string>(Size).includes(text), words(Size));

/** How bad an alert is. */
export const severity = z.string().refine((text) => Object.values<string>(Severity).includes(text), words(Severity));

/** A name of a Kubernetes object or namespace. */
export const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "1 to 253 of a-z, 0-9, - and ., as Kubernetes names are");

/** A namespace; the one of the nodes' exporter is named after it. */
export const namespace = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?$/, "1 to 57 of a-z, 0-9 and -, as Kubernetes names are");

/** Labels of series. */
export const seriesLabels = z.record(
  z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/, "a label of a-z, A-Z, 0-9 and _, not starting with __"),
  z.string("a text"),
);

/** An address that people or programs open. */
export const url = z.url({ protocol: /^https?$/, error: "an http or https URL" });

/** A key of a Secret. */
export const secretKey = z.strictObject(
  { name: objectName, key: z.string().regex(/^[-._a-zA-Z0-9]+$/, "a key of the Secret: a-z, A-Z, 0-9, -, _ and .") },
  "{ name, key } of a Secret in the namespace of this layer",
);
