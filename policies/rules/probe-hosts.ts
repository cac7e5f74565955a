// May the kubelet be made to call another machine?
import type { ObjectRule } from "../rule.ts";

const handlers = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle.?postStart", "lifecycle.?preStop"];
const named = handlers.flatMap((handler) => [
  `x.c.?${handler}.?httpGet.?host.orValue("") != ""`,
  `x.c.?${handler}.?tcpSocket.?host.orValue("") != ""`,
]);

export default {
  id: "probe-hosts",
  title: "Probes and lifecycle hooks call the container itself",
  why: "The kubelet makes these calls from the node's network: with a host of its choice a pod probes what only nodes can reach.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.containers.filter(x, ${named.join(" || ")}).map(x, x.at + ": host of a probe or hook")`,
  wayOut: "Remove the host: the pod's own address is the default",
  valid: [
    { spec: {} },
    { spec: { containers: [{ name: "app", livenessProbe: { httpGet: { path: "/", port: 80, host: "" } } }] } },
    { spec: { containers: [{ name: "app", readinessProbe: { tcpSocket: { port: 80 } } }] } },
  ],
  invalid: [
    {
      spec: {
        containers: [{ name: "app", livenessProbe: { httpGet: { path: "/", port: 80, host: "169.254.169.254" } } }],
      },
    },
    { spec: { containers: [{ name: "app", startupProbe: { tcpSocket: { port: 80, host: "db" } } }] } },
    {
      spec: { containers: [{ name: "app", lifecycle: { preStop: { httpGet: { path: "/", port: 80, host: "db" } } } }] },
    },
    { spec: { containers: [{ name: "app", lifecycle: { postStart: { tcpSocket: { port: 80, host: "db" } } } }] } },
  ],
} satisfies ObjectRule;
