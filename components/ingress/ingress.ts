// What does whoever lets requests into the cluster offer the apps?
import type { ComponentResourceOptions, Input, Resource } from "@pulumi/pulumi";

/** A Service that is reached from outside under a host name. */
export interface Exposure {
  /** Name of the exposure, unique within its namespace. */
  readonly name: string;
  readonly namespace: Input<string>;
  /** DNS name under which it is reached. */
  readonly host: string;
  /** Service of the namespace that answers. */
  readonly service: string;
  /** Port of that Service. */
  readonly port: number;
  /** Secret of the namespace with the certificate; HTTP is then redirected to HTTPS. Default: plain HTTP. */
  readonly certificate?: string;
}

/** Capability of the slot `ingress`. */
export interface Ingress {
  /** Declares an exposure; it means the same on every implementation. */
  readonly expose: (name: string, exposure: Exposure, opts: ComponentResourceOptions) => Resource;
}
