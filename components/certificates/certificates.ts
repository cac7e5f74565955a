// What does whoever signs certificates offer the other layers and the apps?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";
import type { Problem } from "../problems.ts";

/** A certificate that somebody needs. */
export interface CertificateRequest {
  /** Name of the request, unique within its namespace. */
  readonly name: string;
  readonly namespace: Input<string>;
  /** DNS names it is for; at least one. */
  readonly hosts: readonly Input<string>[];
  /** IP addresses it is for as well. Default: none. */
  readonly addresses?: readonly Input<string>[];
  /** Secret of type `kubernetes.io/tls` that will hold `tls.crt`, `tls.key` and `ca.crt`, and is renewed in time. */
  readonly secret: string;
}

/** Capability of the slot `certificates`. */
export interface Certificates {
  /** Declares a certificate. @returns the object that is ready once the Secret is there */
  readonly issue: (name: string, request: CertificateRequest, opts: ComponentResourceOptions) => Resource;
}

/** Who signs, and for how long. */
export interface Signing {
  readonly issuerRef: Readonly<Record<string, string>>;
  readonly duration: string;
  readonly renewBefore: string;
}

/** The spec of a cert-manager Certificate for a server. Its key is a new one with each renewal. */
export const certificateSpec = (
  { hosts, addresses, secret }: CertificateRequest,
  { issuerRef, duration, renewBefore }: Signing,
) => ({
  secretName: secret,
  dnsNames: [...hosts],
  ...(addresses?.length && { ipAddresses: [...addresses] }),
  duration: canonical(duration),
  renewBefore: canonical(renewBefore),
  privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
  usages: ["digital signature", "key encipherment", "server auth"],
  issuerRef,
});

/** What is wrong with a lifetime: cert-manager takes an hour and more, and renews within it. */
export const lifetimeProblems = (duration: string, renewBefore: string): Problem[] => {
  const [whole, before] = [seconds(duration), seconds(renewBefore)];
  const problems: Problem[] = [];
  if (!(whole >= 3600)) {
    problems.push({ field: "duration", value: duration, allowed: 'a Go duration of an hour or more: "2160h"' });
  }
  if (!(before >= 300 && before < (whole || Number.POSITIVE_INFINITY))) {
    problems.push({
      field: "renewBefore",
      value: renewBefore,
      allowed: "a Go duration of five minutes or more, shorter than the lifetime",
    });
  }
  return problems;
};

const seconds = (duration: string): number => {
  if (!/^(\d+h)?(\d+m)?(\d+s)?$/.test(duration)) return Number.NaN;
  const units: Record<string, number> = { h: 3600, m: 60, s: 1 };
  return [...duration.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ""] ?? 0),
    0,
  );
};

/** A Go duration as Go itself writes it, which is what the cluster answers: "2160h" becomes "2160h0m0s". */
export const canonical = (duration: string): string => {
  const whole = seconds(duration);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`;
};
