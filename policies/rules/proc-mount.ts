// May a container see all of /proc?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "proc-mount",
  title: "/proc is masked as the runtime does it",
  why: "Unmasked, /proc lets a container read and change settings of the node's kernel.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.containers.filter(x, x.c.?securityContext.?procMount.orValue("Default") != "Default")
    .map(x, x.at + ".securityContext.procMount")`,
  wayOut: "Remove the field",
  valid: [{ spec: {} }, { spec: { containers: [{ name: "app", securityContext: { procMount: "Default" } }] } }],
  invalid: [
    { spec: { containers: [{ name: "app", securityContext: { procMount: "Unmasked" } }] } },
    { spec: { hostUsers: false, initContainers: [{ name: "first", securityContext: { procMount: "Unmasked" } }] } },
  ],
} satisfies ObjectRule;
