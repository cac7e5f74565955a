// The whole toolchain on the local cluster: `npm start -- --stack local-full`.
import { app, certManager, definePlatform, flux, prometheus, traefik } from "../components/index.ts";
import { onThisMachine } from "./shared/local.ts";

export default definePlatform(
  {
    ...onThisMachine,
    name: "local-full",
    apps: [
      app({
        name: "hello",
        source: { path: "apps/hello" },
        interval: "15s",
        expose: { service: "hello", port: 80, host: "hello.example.test" },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({ release: "1.11" }),
    ingress: traefik({ serviceType: "ClusterIP" }),
    metrics: prometheus({ interval: "15s", storage: "2Gi" }),
  },
);
