// Many clusters from one file: a stack and an agent in each, a commit that gets to them wave by wave. docs/fleet.md.
import { app, definePlatform, existing, fleet, flux } from "../components/index.ts";

export default fleet({
  name: "fleet",
  git: { url: "https://git.example.com/platform.git", branch: "main" },
  clusters: {
    "eu-1": { cluster: existing({ context: "eu-1" }), labels: { region: "eu" } },
    "eu-2": { cluster: existing({ context: "eu-2" }), labels: { region: "eu" } },
    "us-1": { cluster: existing({ context: "us-1" }), labels: { region: "us" } },
    "ap-1": { cluster: existing({ context: "ap-1" }), labels: { region: "ap" } },
  },
  waves: [
    { name: "canary", clusters: ["eu-1"], soak: "10m" },
    { name: "eu", clusters: { region: "eu" } },
    { name: "rest", clusters: "rest", timeout: "30m" },
  ],
  platform: ({ settings }) =>
    definePlatform(
      {
        ...settings,
        apps: [app({ name: "hello", source: { path: "apps/hello" }, kind: "yaml" })],
      },
      { agent: flux() },
    ),
});
