// What does every stack on the local cluster stand on, and which of its objects are let off a rule?
import { embedded, type Settings } from "../../components/index.ts";

/** The settings of a stack that `npm start` brings up on this machine. */
export const onThisMachine = {
  // The Git server of the local control plane, as pods see it.
  git: { url: "http://10.88.0.1:3000/platform.git", branch: "main" },
  cluster: embedded(),
  // The pods with which local-path-provisioner makes and removes the folder of a volume.
  exemptions: ["volume-types", "capabilities", "non-root", "non-root-user"].map((rule) => ({
    rule,
    object: { kind: "Pod", namespace: "local-path-storage", name: "helper-*" },
    reason: "makes a folder on the node for each volume, as root; there is no other storage on one machine",
    approver: "plumbline's maintainers",
    expires: "2027-12-31",
  })),
} satisfies Partial<Settings>;
