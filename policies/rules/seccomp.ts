// Which system calls may a container make?
import type { ObjectRule } from "../rule.ts";

const allowed = '["RuntimeDefault", "Localhost"]';

export default {
  id: "seccomp",
  title: "Every container has a seccomp profile: the runtime's or one of the node's",
  why: "Without a profile a container may make every system call, those in which kernel bugs were found too.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  // What a container says goes before what its pod says, so a container without a profile is as good as its pod's.
  expression: `variables.windows ? [] :
    (variables.spec.?securityContext.?seccompProfile.hasValue()
      && !(variables.spec.securityContext.seccompProfile.?type.orValue("") in ${allowed})
      ? [variables.at + ".securityContext.seccompProfile.type"] : [])
    + variables.containers.filter(x, x.c.?securityContext.?seccompProfile.hasValue()
        ? !(x.c.securityContext.seccompProfile.?type.orValue("") in ${allowed})
        : !variables.spec.?securityContext.?seccompProfile.hasValue())
      .map(x, x.at + ".securityContext.seccompProfile.type")`,
  wayOut: 'Set securityContext.seccompProfile of the pod to {"type": "RuntimeDefault"}',
  valid: [
    { spec: { securityContext: { seccompProfile: { type: "RuntimeDefault" } } } },
    {
      spec: {
        containers: [
          { name: "app", securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "p.json" } } },
        ],
      },
    },
    { spec: { os: { name: "windows" } } },
  ],
  invalid: [
    { spec: {} },
    { spec: { securityContext: { seccompProfile: { type: "Unconfined" } } } },
    {
      spec: {
        securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        containers: [{ name: "app", securityContext: { seccompProfile: { type: "Unconfined" } } }],
      },
    },
    {
      spec: {
        containers: [{ name: "app", securityContext: { seccompProfile: { type: "RuntimeDefault" } } }],
        initContainers: [{ name: "first" }],
      },
    },
  ],
} satisfies ObjectRule;
