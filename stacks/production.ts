// The platform in production, on a cluster at AWS that this file makes and changes: `pulumi up` of CI, after the merge.
import { eks } from "../components/aws.ts";
import {
  app,
  certManager,
  definePlatform,
  flux,
  loki,
  ofCluster,
  prometheus,
  Size,
  traefik,
} from "../components/index.ts";

const account = "123456789012";
const role = (name: string) => `arn:aws:iam::${account}:role/acme-${name}`;

export default definePlatform(
  {
    name: "production",
    protected: true,
    git: { url: "https://git.example.com/platform.git", branch: "main" },
    cluster: eks({
      name: "acme-production",
      region: "eu-central-1",
      account,
      version: "1.35",
      identities: { ci: role("ci"), ciPreview: role("ci-preview"), developers: [role("developer")] },
      nodeGroups: [{ name: "general", instanceTypes: ["m7i.large", "m7a.large"], min: 3, max: 9 }],
    }),
    apps: [
      app({
        name: "hello",
        source: { path: "apps/hello" },
        kind: "yaml",
        expose: { service: "hello", port: 80, host: "hello.example.com" },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({
      size: Size.Ha,
      acme: { email: "platform@example.com", route53: { region: "eu-central-1", hostedZone: "Z0123456789ABC" } },
    }),
    ingress: traefik({ size: Size.Ha }),
    metrics: prometheus({ size: Size.Ha, storage: "50Gi" }),
    logs: loki({ size: Size.Ha, bucket: ofCluster }),
  },
);
