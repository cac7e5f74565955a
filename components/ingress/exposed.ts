// What has the Ingress of a Service, whichever controller reads it? One host, one path, and TLS where there is a certificate.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Exposure } from "./ingress.ts";

/** What a controller is told beside the exposure itself. */
export interface IngressWords {
  readonly ingressClass: pulumi.Input<string>;
  readonly annotations?: Readonly<Record<string, pulumi.Input<string>>> | undefined;
}

/** Declares the Ingress of a Service. */
export const exposedBy = (
  name: string,
  { name: objectName, namespace, host, service, port, certificate }: Exposure,
  { ingressClass, annotations }: IngressWords,
  opts: pulumi.CustomResourceOptions,
): k8s.networking.v1.Ingress =>
  new k8s.networking.v1.Ingress(
    name,
    {
      metadata: {
        name: objectName,
        namespace,
        // It may stand before the app's first delivery; Pulumi would wait for the app's pods.
        annotations: { ...annotations, "pulumi.com/skipAwait": "true" },
      },
      spec: {
        ingressClassName: ingressClass,
        rules: [
          {
            host,
            http: {
              paths: [
                { path: "/", pathType: "Prefix", backend: { service: { name: service, port: { number: port } } } },
              ],
            },
          },
        ],
        ...(certificate && { tls: [{ hosts: [host], secretName: certificate }] }),
      },
    },
    opts,
  );
