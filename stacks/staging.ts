// The platform on which a version is seen before production has it: the same agent and apps, from the branch `staging`, on a smaller
// cluster. `plumbline promote hello --from staging --to production` takes a version on.
import { eks } from "../components/aws.ts";
import { app, certManager, definePlatform, flux, prometheus, traefik } from "../components/index.ts";

const account = "123456789012";
const role = (name: string) => `arn:aws:iam::${account}:role/acme-${name}`;

export default definePlatform(
  {
    name: "staging",
    protected: true,
    git: { url: "https://git.example.com/platform.git", branch: "staging" },
    cluster: eks({
      name: "acme-staging",
      region: "eu-central-1",
      account,
      version: "1.35",
      identities: { ci: role("ci"), ciPreview: role("ci-preview"), developers: [role("developer")] },
      nodeGroups: [{ name: "general", instanceTypes: ["m7i.large", "m7a.large"], min: 2, max: 3 }],
    }),
    apps: [
      app({
        name: "hello",
        source: { path: "apps/hello" },
        kind: "yaml",
        expose: { service: "hello", port: 80, host: "hello.staging.example.com" },
      }),
    ],
  },
  {
    agent: flux(),
    certificates: certManager({
      acme: { email: "platform@example.com", route53: { region: "eu-central-1", hostedZone: "Z0123456789ABC" } },
    }),
    ingress: traefik(),
    metrics: prometheus(),
  },
);
