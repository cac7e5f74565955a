// The whole toolchain on the local cluster: `npm start -- --stack local-full`.
import { app, certManager, definePlatform, flux } from "../components/index.ts";
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
        expose: { service: "hello", port: 80 },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({ release: "1.11" }),
  },
);
