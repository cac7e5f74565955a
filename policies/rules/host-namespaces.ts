// May a pod share the namespaces of its node?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "host-namespaces",
  title: "Pods have network, process and IPC namespaces of their own",
  why: "In the host's namespaces a pod sees and signals every process and listens to every connection of the node.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `["hostNetwork", "hostPID", "hostIPC"].filter(f,
    f == "hostNetwork" ? variables.spec.?hostNetwork.orValue(false)
    : f == "hostPID" ? variables.spec.?hostPID.orValue(false)
    : variables.spec.?hostIPC.orValue(false)).map(f, variables.at + "." + f)`,
  wayOut: "Remove the field",
  valid: [{ spec: {} }, { spec: { hostNetwork: false, hostPID: false, hostIPC: false } }],
  invalid: [{ spec: { hostNetwork: true } }, { spec: { hostPID: true } }, { spec: { hostIPC: true } }],
} satisfies ObjectRule;
