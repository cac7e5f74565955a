// How are certificates had where somebody else's cert-manager runs? By the name of its issuer.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { type CertificateRequest, type Certificates, certificateSpec, lifetimeProblems } from "./certificates.ts";

/** Arguments of {@link ExternalCertificates}. */
export interface ExternalCertificatesArgs {
  /** Name of the ClusterIssuer that signs. */
  issuer: string;
  /** Kind of the issuer, for those of other groups: "AWSPCAClusterIssuer". Default: "ClusterIssuer". */
  issuerKind?: string;
  /** API group of the issuer. Default: "cert-manager.io". */
  issuerGroup?: string;
  /** Lifetime of a certificate, as a Go duration of at least an hour. Default: "2160h". */
  duration?: string;
  /** How long before its end a certificate is renewed, as a Go duration. Default: "720h". */
  renewBefore?: string;
}

/**
 * A cert-manager that the platform does not run: certificates are asked for, nothing is installed.
 *
 * @example
 * new ExternalCertificates("certificates", { issuer: "letsencrypt" });
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalCertificates extends pulumi.ComponentResource implements Certificates {
  /** Name of the issuer. */
  readonly issuer: pulumi.Output<string>;

  constructor(name: string, args: ExternalCertificatesArgs, opts: pulumi.ComponentResourceOptions = {}) {
    const { issuer, issuerKind = "ClusterIssuer", issuerGroup = "cert-manager.io" } = args;
    const { duration = "2160h", renewBefore = "720h" } = args;
    refuse(`ExternalCertificates ${name}`, [
      ...(issuer ? [] : [{ field: "issuer", value: issuer, allowed: "name of an issuer of the cluster" }]),
      ...lifetimeProblems(duration, renewBefore),
    ]);
    super("plumbline:index:ExternalCertificates", name, { ...args }, opts);
    settled.set(this, { issuerRef: { name: issuer, kind: issuerKind, group: issuerGroup }, duration, renewBefore });
    this.issuer = pulumi.output(issuer);
    this.registerOutputs({ issuer: this.issuer });
  }

  /** Declares a Certificate of that issuer. */
  issue(name: string, request: CertificateRequest, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("ExternalCertificates.issue was called on an object that is no such component");
    return new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: {
          name: request.name,
          namespace: request.namespace,
          annotations: { "pulumi.com/waitFor": "condition=Ready" },
        },
        spec: certificateSpec(request, facts),
      },
      opts,
    );
  }
}

const settled = new WeakMap<ExternalCertificates, Parameters<typeof certificateSpec>[1]>();

/** An issuer that somebody else runs, as the layer of the slot `certificates`. */
export const externalCertificates = (args: ExternalCertificatesArgs): Layer<"certificates"> =>
  layer({
    slot: "certificates",
    implementation: "external",
    needs: [],
    build: (name, _, opts) => new ExternalCertificates(name, args, opts),
  });
