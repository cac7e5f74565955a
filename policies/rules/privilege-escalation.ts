// May a process in a container gain more rights than the one that started it?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "privilege-escalation",
  title: "Processes cannot gain rights that their container was not started with",
  why: "A set-user-ID program in the image would make a process root.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.windows ? [] :
    variables.containers.filter(x, x.c.?securityContext.?allowPrivilegeEscalation.orValue(true))
      .map(x, x.at + ".securityContext.allowPrivilegeEscalation")`,
  wayOut: "Set securityContext.allowPrivilegeEscalation to false",
  valid: [
    { spec: { containers: [{ name: "app", securityContext: { allowPrivilegeEscalation: false } }] } },
    { spec: { os: { name: "windows" } } },
  ],
  invalid: [
    { spec: {} },
    { spec: { containers: [{ name: "app", securityContext: { allowPrivilegeEscalation: true } }] } },
    {
      spec: {
        containers: [{ name: "app", securityContext: { allowPrivilegeEscalation: false } }],
        ephemeralContainers: [{ name: "late" }],
      },
    },
  ],
} satisfies ObjectRule;
