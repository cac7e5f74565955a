// Which values may the arguments of layers have? The pieces that the schemas of several slots share.
import { z } from "zod";
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
