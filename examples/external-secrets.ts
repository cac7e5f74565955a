// Secrets of AWS Secrets Manager for an app: each app with a role of its own, and a value that is read anew every half hour.
import { ExternalSecrets } from "../components/index.ts";

const secrets = new ExternalSecrets("secrets", {
  store: { aws: { region: "eu-central-1", role: "arn:aws:iam::123456789012:role/{app}-secrets" } },
  identity: { "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/external-secrets" },
  refresh: "30m",
});
const files = { "database-password": "shop/database#password" };
secrets.grant("shop", { app: "shop", namespace: "shop", serviceAccount: "shop", files }, {});

export const { store } = secrets;
