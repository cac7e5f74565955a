// May a container have all the rights of its node?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "privileged",
  title: "Containers are not privileged",
  why: "A privileged container is root on its node, and from there on every node and in every namespace.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.containers.filter(x, x.c.?securityContext.?privileged.orValue(false))
    .map(x, x.at + ".securityContext.privileged")`,
  wayOut: "Remove the field",
  valid: [{ spec: {} }, { spec: { containers: [{ name: "app", securityContext: { privileged: false } }] } }],
  invalid: [
    { spec: { containers: [{ name: "app", securityContext: { privileged: true } }] } },
    { spec: { initContainers: [{ name: "first", securityContext: { privileged: true } }] } },
    { spec: { ephemeralContainers: [{ name: "late", securityContext: { privileged: true } }] } },
  ],
} satisfies ObjectRule;
