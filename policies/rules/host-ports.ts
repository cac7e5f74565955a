// May a container listen at a port of its node?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "host-ports",
  title: "Containers use no port of their node",
  why: "A port of the node passes by Services and network policies, and two pods cannot share it.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.containers.filter(x, x.c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0))
    .map(x, x.at + ".ports.hostPort")`,
  wayOut: "Remove the field and expose the pod by a Service",
  valid: [{ spec: {} }, { spec: { containers: [{ name: "app", ports: [{ containerPort: 80, hostPort: 0 }] }] } }],
  invalid: [
    { spec: { containers: [{ name: "app", ports: [{ containerPort: 80, hostPort: 80 }] }] } },
    { spec: { initContainers: [{ name: "first", ports: [{ containerPort: 1 }, { containerPort: 2, hostPort: 2 }] }] } },
  ],
} satisfies ObjectRule;
