// An ingress on any cluster: Traefik, and a Service that is reached under a host name.
import { Traefik } from "../components/index.ts";

const ingress = new Traefik("ingress", { serviceType: "ClusterIP" });
ingress.expose("shop", { name: "shop", namespace: "default", host: "shop.example.com", service: "shop", port: 80 }, {});

export const { ingressClass } = ingress;
