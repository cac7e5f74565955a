// Must the kubelet refuse to start a container as root?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "non-root",
  title: "Containers must not start as root",
  why: "Root in a container is root of the node as soon as it finds a way out.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  // In a user namespace root of the pod is nobody on the node. What a container says goes before what its pod says.
  expression: `variables.spec.?hostUsers.orValue(true) == false ? [] :
    (variables.spec.?securityContext.?runAsNonRoot.orValue(true) ? [] : [variables.at + ".securityContext.runAsNonRoot"])
    + variables.containers.filter(x, !x.c.?securityContext.?runAsNonRoot
          .orValue(variables.spec.?securityContext.?runAsNonRoot.orValue(false)))
      .map(x, x.at + ".securityContext.runAsNonRoot")`,
  wayOut: "Set securityContext.runAsNonRoot of the pod to true, and build the image with a user that is not root",
  valid: [
    { spec: { securityContext: { runAsNonRoot: true } } },
    { spec: { containers: [{ name: "app", securityContext: { runAsNonRoot: true } }] } },
    { spec: { hostUsers: false } },
  ],
  invalid: [
    { spec: {} },
    {
      spec: {
        securityContext: { runAsNonRoot: true },
        containers: [{ name: "app", securityContext: { runAsNonRoot: false } }],
      },
    },
    {
      spec: {
        securityContext: { runAsNonRoot: false },
        containers: [{ name: "app", securityContext: { runAsNonRoot: true } }],
      },
    },
    {
      spec: {
        containers: [{ name: "app", securityContext: { runAsNonRoot: true } }],
        initContainers: [{ name: "first" }],
      },
    },
  ],
} satisfies ObjectRule;
