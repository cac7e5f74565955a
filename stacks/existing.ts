// The same platform on a cluster that exists, named by the configuration of the stack.
import * as pulumi from "@pulumi/pulumi";
import { existing } from "../components/index.ts";
import { firstLight } from "./shared/first-light.ts";

// A function, since only a running stack has a configuration.
export default () => {
  const config = new pulumi.Config("plumbline");
  const [kubeconfig, context, mirror, audience] = ["kubeconfig", "context", "registry", "audience"].map(
    (key) => config.get(key) || undefined,
  );
  return firstLight({
    name: "existing",
    git: { url: config.get("git") ?? "", branch: config.get("branch") || "main" },
    cluster: existing({
      ...(kubeconfig && { kubeconfig }),
      ...(context && { context }),
      ...(mirror && { mirror }),
      ...(audience && { audiences: [audience] }),
    }),
  });
};
