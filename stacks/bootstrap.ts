// What an account at AWS needs before its first platform: docs/production.md says in which order, and how it moves into itself.
import { AwsBootstrap } from "../components/aws.ts";

export default () => {
  const { backend, secretsProvider, ci, ciPreview } = new AwsBootstrap("acme", {
    region: "eu-central-1",
    account: "123456789012",
    github: { repository: "acme/platform", environment: "production" },
  });
  return { backend, secretsProvider, ci, ciPreview };
};
