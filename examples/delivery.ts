// Another team's program: Flux on the current cluster, and one app that it delivers.
import { App, Flux } from "../components/index.ts";

const agent = new Flux("agent", {});

export const { namespace } = new App(
  "shop",
  { repository: "https://git.example.com/platform.git", path: "apps/shop", expose: { service: "web", port: 80 } },
  { agent },
);
