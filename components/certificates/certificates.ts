// What does whoever signs certificates offer the other layers and the apps?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";

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
