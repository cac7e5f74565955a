// Images of one's own on any cluster: a registry with a certificate, an account that pushes and one that pulls.
import { CertManager, Distribution } from "../components/index.ts";

const certificates = new CertManager("certificates", { release: "1.11" });
const registry = new Distribution(
  "registry",
  {
    host: "registry.example.com",
    storage: { filesystem: { size: "10Gi" } },
    garbageCollection: { schedule: "0 3 * * 0" },
  },
  { certificates },
);
registry.pullSecret("default", "default", {});

export const { host, pushUsername, pushPassword } = registry;
