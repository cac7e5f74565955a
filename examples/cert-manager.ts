// Certificates on any cluster: cert-manager with an authority of the cluster's own, which signs for whoever asks.
import { CertManager } from "../components/index.ts";

export const { issuer } = new CertManager("certificates", { release: "1.11" });
