// A host that somebody else's ingress controller lets in: an Ingress of its class, nothing installed.
import { ExternalIngress } from "../components/index.ts";

const ingress = new ExternalIngress("ingress", { ingressClass: "nginx" });
ingress.expose("shop", { name: "shop", namespace: "default", host: "shop.example.com", service: "shop", port: 80 }, {});

export const { ingressClass } = ingress;
