// The same by the Gateway API: a Gateway and a route instead of an Ingress.
import { GatewayApi } from "../components/index.ts";

const ingress = new GatewayApi("ingress", { serviceType: "ClusterIP" });
ingress.expose("shop", { name: "shop", namespace: "default", host: "shop.example.com", service: "shop", port: 80 }, {});

export const { gatewayClass } = ingress;
