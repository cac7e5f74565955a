// The platform that `npm start -- --stack local-full` puts on the local cluster: every layer that can be had there.
import { app, certManager, definePlatform, embedded, flux } from "../components/index.ts";
import local from "./local.ts";

export default definePlatform(
  {
    ...local.settings,
    name: "local-full",
    cluster: embedded(),
    apps: [
      app({
        name: "hello",
        source: { path: "apps/hello" },
        interval: "15s",
        expose: { service: "hello", port: 80 },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({ release: "1.11" }),
  },
);
