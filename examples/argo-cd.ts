// Another team's program: Argo CD on the current cluster, and one app that it delivers.
import { App, ArgoCd } from "../components/index.ts";

const agent = new ArgoCd("argo", {});

export const { namespace } = new App(
  "orders",
  { repository: "https://git.example.com/platform.git", path: "apps/orders", kind: "kustomize" },
  { agent },
);
