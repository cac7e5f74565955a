// Which values may the arguments of layers have? The pieces that the schemas of several slots share.
import { z } from "zod";
import { Severity } from "./severity.ts";
import { Size } from "./size.ts";

/** A choice of words, as an error lists them. */
export const words = (allowed: Record<string, string>): string =>
  Object.values(allowed)
    .map((word) => `"${word}"`)
    .join(", ");

const binary = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 } as const;
const quantityPattern = /^([1-9]\d*)(Ki|Mi|Gi|Ti|Pi)$/;

/** Bytes of a Kubernetes quantity such as "20Gi"; undefined where it is none. */
export const bytesOf = (quantity: string): number | undefined => {
  const [, count, unit] = quantityPattern.exec(quantity) ?? [];
  return unit === undefined ? undefined : Number(count) * binary[unit as keyof typeof binary];
};

/** Size of a volume. */
export const volume = z
  .string()
  .refine((text) => (bytesOf(text) ?? 0) >= binary.Gi, 'a quantity of at least "1Gi", with the unit Mi, Gi, Ti or Pi');

/** One or more replicas. */
export const size = z.string().refine((text) => Object.values<string>(Size).includes(text), words(Size));

/** A name of a Kubernetes object or namespace. */
export const objectName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "1 to 253 of a-z, 0-9, - and ., as Kubernetes names are");

/** An address that people or programs open. */
export const url = z.url({ protocol: /^https?$/, error: "an http or https URL" });

/** A key of a Secret in the namespace of the layer. Whoever keeps secrets puts it there; here it is only named. */
export interface SecretKeyArgs {
  /** Name of the Secret. */
  name: string;
  /** Key within it. */
  key: string;
}

/** A key of a Secret. */
export const secretKey = z.strictObject(
  { name: objectName, key: z.string().regex(/^[-._a-zA-Z0-9]+$/, "a key of the Secret: a-z, A-Z, 0-9, -, _ and .") },
  "{ name, key } of a Secret in the namespace of this layer",
);

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

/** How bad an alert is. */
export const severity = z.string().refine((text) => Object.values<string>(Severity).includes(text), words(Severity));

/** Labels of series. */
export const seriesLabels = z.record(
  z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/, "a label of a-z, A-Z, 0-9 and _, not starting with __"),
  z.string("a text"),
);
