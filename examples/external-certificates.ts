// Certificates of an issuer that somebody else runs: asked for, nothing installed.
import { ExternalCertificates } from "../components/index.ts";

const certificates = new ExternalCertificates("certificates", { issuer: "letsencrypt" });
certificates.issue(
  "shop",
  { name: "shop", namespace: "default", hosts: ["shop.example.com"], secret: "shop-certificate" },
  {},
);
