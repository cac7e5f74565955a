// May a pod ask for user 0?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "non-root-user",
  title: "No container asks for user 0",
  why: "User 0 is root whatever the image says.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.spec.?hostUsers.orValue(true) == false ? [] :
    (variables.spec.?securityContext.?runAsUser.orValue(1) == 0 ? [variables.at + ".securityContext.runAsUser"] : [])
    + variables.containers.filter(x, x.c.?securityContext.?runAsUser.orValue(1) == 0)
      .map(x, x.at + ".securityContext.runAsUser")`,
  wayOut: "Remove the field, or set it to another user",
  valid: [
    { spec: {} },
    { spec: { securityContext: { runAsUser: 65532 } } },
    { spec: { hostUsers: false, securityContext: { runAsUser: 0 } } },
  ],
  invalid: [
    { spec: { securityContext: { runAsUser: 0 } } },
    { spec: { containers: [{ name: "app", securityContext: { runAsUser: 0 } }] } },
    {
      spec: {
        securityContext: { runAsUser: 1000 },
        initContainers: [{ name: "first", securityContext: { runAsUser: 0 } }],
      },
    },
  ],
} satisfies ObjectRule;
