// Secrets on any cluster: Vault, with certificates of an authority of the cluster's own, and an app that may read one value.
import { CertManager, Vault } from "../components/index.ts";

const certificates = new CertManager("certificates", { release: "1.11" });
const secrets = new Vault(
  "secrets",
  { storage: "1Gi", generated: ["shop/database#password"], refresh: "10s" },
  { certificates },
);
secrets.grant(
  "shop",
  { app: "shop", namespace: "default", serviceAccount: "shop", files: { password: "shop/database#password" } },
  {},
);

export const { address } = secrets;
