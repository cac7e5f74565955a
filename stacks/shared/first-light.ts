// What do the first stacks have in common? The agent and the example app; where they stand differs.
import { app, definePlatform, flux, type Layer, type Settings } from "../../components/index.ts";

/** The platform that delivers the example app, on any cluster. */
export const firstLight = (
  settings: Pick<Settings, "name" | "git" | "cluster" | "exemptions">,
  { agent }: { agent: Layer<"agent", "cluster"> } = { agent: flux() },
) =>
  definePlatform(
    {
      ...settings,
      apps: [
        app({
          name: "hello",
          source: { path: "apps/hello" },
          // Stated, so that a preview needs no Git: its repository may be reached from inside the cluster alone.
          kind: "yaml",
          // How long a live edit can last; a commit is delivered at once.
          interval: "15s",
          expose: { service: "hello", port: 80 },
        }),
      ],
    },
    { agent },
  );
