// How do requests reach apps where somebody else's ingress controller runs? By the name of its IngressClass.
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { objectName } from "../check.ts";
import { problemsOf } from "../delivery/app.ts";
import { refuse } from "../problems.ts";
import { type Layer, layer } from "../slot.ts";
import { exposedBy } from "./exposed.ts";
import type { Exposure, Ingress } from "./ingress.ts";

/** Arguments of {@link ExternalIngress}. */
export interface ExternalIngressArgs {
  /** Name of the IngressClass that the controller serves: `kubectl get ingressclasses` lists them. */
  ingressClass: string;
  /** Annotations of every Ingress, by which the controller is told what is particular to it. Default: none. */
  annotations?: Record<string, string>;
  /**
   * Annotations of an Ingress with a certificate, by which the controller redirects HTTP to HTTPS. Default: none, which is
   * right for controllers that redirect by themselves, as ingress-nginx does.
   */
  secureAnnotations?: Record<string, string>;
}

const annotations = z.record(z.string(), z.string("a text")).exactOptional();
const schema = z.strictObject({ ingressClass: objectName, annotations, secureAnnotations: annotations });

/**
 * An ingress controller that the platform does not run: an exposed host is an Ingress of its class, nothing is installed.
 *
 * @example
 * const ingress = new ExternalIngress("ingress", { ingressClass: "nginx" });
 * ingress.expose("shop", { name: "shop", namespace: "shop", host: "shop.example.com", service: "web", port: 80 }, {});
 * @throws InvalidDeclaration that lists everything that is wrong with the arguments
 */
export class ExternalIngress extends pulumi.ComponentResource implements Ingress {
  /** Name of the IngressClass. */
  readonly ingressClass: pulumi.Output<string>;

  constructor(name: string, args: ExternalIngressArgs, opts: pulumi.ComponentResourceOptions = {}) {
    refuse(`ExternalIngress ${name}`, problemsOf(schema.safeParse(args), args, ""));
    super("plumbline:index:ExternalIngress", name, { ...args }, opts);
    settled.set(this, args);
    this.ingressClass = pulumi.output(args.ingressClass);
    this.registerOutputs({ ingressClass: this.ingressClass });
  }

  /** Declares the Ingress of a Service. */
  expose(name: string, exposure: Exposure, opts: pulumi.ComponentResourceOptions): pulumi.Resource {
    const facts = settled.get(this);
    if (!facts) throw new Error("ExternalIngress.expose was called on an object that is no ExternalIngress component");
    const annotations = { ...facts.annotations, ...(exposure.certificate && facts.secureAnnotations) };
    return exposedBy(name, exposure, { ingressClass: facts.ingressClass, annotations }, opts);
  }
}

// Not a field: Pulumi's component analyzer takes every field of the class for an output of a schema type.
const settled = new WeakMap<ExternalIngress, ExternalIngressArgs>();

/** An ingress controller that somebody else runs, as the layer of the slot `ingress`. */
export const externalIngress = (args: ExternalIngressArgs): Layer<"ingress"> => {
  refuse("externalIngress", problemsOf(schema.safeParse(args), args, ""));
  return layer({
    slot: "ingress",
    implementation: "external",
    needs: [],
    build: (name, _, opts) => new ExternalIngress(name, args, opts),
  });
};
