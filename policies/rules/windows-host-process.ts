// May a container on Windows run as a process of its node?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "windows-host-process",
  title: "Windows containers are not processes of their node",
  why: "A HostProcess container has the rights of the node's own services.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `(variables.spec.?securityContext.?windowsOptions.?hostProcess.orValue(false)
      ? [variables.at + ".securityContext.windowsOptions.hostProcess"] : [])
    + variables.containers.filter(x, x.c.?securityContext.?windowsOptions.?hostProcess.orValue(false))
      .map(x, x.at + ".securityContext.windowsOptions.hostProcess")`,
  wayOut: "Remove the field",
  valid: [{ spec: {} }, { spec: { securityContext: { windowsOptions: { hostProcess: false } } } }],
  invalid: [
    { spec: { securityContext: { windowsOptions: { hostProcess: true } } } },
    { spec: { containers: [{ name: "app", securityContext: { windowsOptions: { hostProcess: true } } }] } },
  ],
} satisfies ObjectRule;
