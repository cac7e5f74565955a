// Which capabilities of root may a container have?
import type { ObjectRule } from "../rule.ts";

export default {
  id: "capabilities",
  title: "Containers drop all capabilities and add at most NET_BIND_SERVICE",
  why: "Each capability is a part of root's power: NET_RAW forges packets, DAC_OVERRIDE reads every file of the container.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.windows ? [] :
    variables.containers.filter(x, !("ALL" in x.c.?securityContext.?capabilities.?drop.orValue([])))
      .map(x, x.at + ".securityContext.capabilities.drop")
    + variables.containers.filter(x, x.c.?securityContext.?capabilities.?add.orValue([]).exists(a, a != "NET_BIND_SERVICE"))
      .map(x, x.at + ".securityContext.capabilities.add")`,
  wayOut: 'Set securityContext.capabilities to {"drop": ["ALL"]}',
  valid: [
    { spec: { containers: [{ name: "app", securityContext: { capabilities: { drop: ["ALL"] } } }] } },
    {
      spec: {
        containers: [
          { name: "app", securityContext: { capabilities: { drop: ["KILL", "ALL"], add: ["NET_BIND_SERVICE"] } } },
        ],
      },
    },
    { spec: { os: { name: "windows" } } },
  ],
  invalid: [
    { spec: {} },
    { spec: { containers: [{ name: "app", securityContext: { capabilities: { drop: ["all"] } } }] } },
    { spec: { containers: [{ name: "app", securityContext: { capabilities: { drop: ["ALL"], add: ["CHOWN"] } } }] } },
    {
      spec: {
        containers: [{ name: "app", securityContext: { capabilities: { drop: ["ALL"] } } }],
        initContainers: [{ name: "first", securityContext: { capabilities: { add: ["NET_BIND_SERVICE"] } } }],
      },
    },
  ],
} satisfies ObjectRule;
