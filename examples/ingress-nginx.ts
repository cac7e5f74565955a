// An ingress for those who come from ingress-nginx: the vendor's chart, and a Service that is reached under a host name.
import { IngressNginx } from "../components/index.ts";

const ingress = new IngressNginx("ingress", {
  serviceType: "ClusterIP",
  chart: { mirror: "oci://registry.example.com/charts" },
});
ingress.expose("shop", { name: "shop", namespace: "default", host: "shop.example.com", service: "shop", port: 80 }, {});

export const { ingressClass } = ingress;
