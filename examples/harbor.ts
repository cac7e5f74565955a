// Images on any cluster: Harbor, reached by a load balancer. The Secret with the certificate is put there by whoever keeps certificates.
import { Harbor } from "../components/index.ts";

const registry = new Harbor("registry", {
  host: "harbor.example.com",
  certificate: "harbor-tls",
  storage: {
    s3: { bucket: "acme-images", region: "eu-central-1", role: "arn:aws:iam::123456789012:role/harbor" },
  },
  projects: [
    {
      name: "shop",
      quota: "100Gi",
      retention: { schedule: "0 30 2 * * *", rules: [{ tags: "v*", always: true }, { latestPushed: 20 }] },
    },
  ],
  proxyCaches: [{ name: "dockerhub", kind: "docker-hub" }],
  robots: [{ name: "ci", projects: ["shop"], push: true, days: 365 }],
  garbageCollection: { schedule: "0 0 4 * * 0", untagged: true },
});
registry.pullSecret("shop", "default", {});

export const { host } = registry;
