// Which kernel settings may a pod change?
import type { ObjectRule } from "../rule.ts";

const safe = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_notsent_lowat",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_slow_start_after_idle",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
];

export default {
  id: "sysctls",
  title: "Pods change only kernel settings that are their own",
  why: "Other settings hold for the whole node, and for every pod on it.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `variables.spec.?securityContext.?sysctls.orValue([]).filter(s, !(s.name in ${JSON.stringify(safe)}))
    .map(s, variables.at + ".securityContext.sysctls[" + s.name + "]")`,
  wayOut: "Remove the setting",
  valid: [{ spec: {} }, { spec: { securityContext: { sysctls: [{ name: "net.ipv4.tcp_syncookies", value: "1" }] } } }],
  invalid: [
    { spec: { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } } },
    {
      spec: {
        securityContext: {
          sysctls: [
            { name: "net.ipv4.tcp_rmem", value: "1" },
            { name: "net.core.somaxconn", value: "1" },
          ],
        },
      },
    },
  ],
} satisfies ObjectRule;
