// May a pod leave the AppArmor profile of its runtime?
import type { ObjectRule } from "../rule.ts";

const allowed = '["RuntimeDefault", "Localhost"]';
const prefix = "container.apparmor.security.beta.kubernetes.io/";

export default {
  id: "app-armor",
  title: "The AppArmor profile is the runtime's or one of the node's",
  why: "Unconfined gives back what the runtime's profile takes: mounts, raw access to /proc and /sys.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `(variables.spec.?securityContext.?appArmorProfile.hasValue()
      && !(variables.spec.securityContext.appArmorProfile.?type.orValue("") in ${allowed})
      ? [variables.at + ".securityContext.appArmorProfile.type"] : [])
    + variables.containers.filter(x, x.c.?securityContext.?appArmorProfile.hasValue()
        && !(x.c.securityContext.appArmorProfile.?type.orValue("") in ${allowed}))
      .map(x, x.at + ".securityContext.appArmorProfile.type")
    + variables.metadata.?annotations.orValue({}).map(k, k).filter(k, k.startsWith("${prefix}")
        && !(variables.metadata.annotations[k] in ["", "runtime/default"])
        && !variables.metadata.annotations[k].startsWith("localhost/"))
      .map(k, "metadata.annotations[" + k + "]")`,
  wayOut: "Remove the field, or set it to RuntimeDefault",
  valid: [
    { spec: {} },
    { spec: { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } } },
    { metadata: { annotations: { [`${prefix}app`]: "localhost/x" } }, spec: {} },
  ],
  invalid: [
    { spec: { securityContext: { appArmorProfile: { type: "Unconfined" } } } },
    { spec: { containers: [{ name: "app", securityContext: { appArmorProfile: { type: "Unconfined" } } }] } },
    { metadata: { annotations: { [`${prefix}app`]: "unconfined" } }, spec: {} },
  ],
} satisfies ObjectRule;
