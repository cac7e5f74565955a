// Which SELinux labels may a pod choose?
import type { ObjectRule } from "../rule.ts";

const options = (at: string) => `${at}.?securityContext.?seLinuxOptions`;
const broken = (at: string) => `(!(${options(at)}.?type.orValue("")
      in ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"])
    || ${options(at)}.?user.orValue("") != "" || ${options(at)}.?role.orValue("") != "")`;

export default {
  id: "se-linux",
  title: "SELinux options name a container's type, and neither user nor role",
  why: "Another type, user or role takes a container out of the confinement that keeps it from the node's files.",
  enforcement: "mandatory",
  scope: "object",
  source: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  match: "pods",
  expression: `(${broken("variables.spec")} ? [variables.at + ".securityContext.seLinuxOptions"] : [])
    + variables.containers.filter(x, ${broken("x.c")}).map(x, x.at + ".securityContext.seLinuxOptions")`,
  wayOut: "Remove user and role, and leave the type out",
  valid: [{ spec: {} }, { spec: { securityContext: { seLinuxOptions: { type: "container_t", level: "s0:c1,c2" } } } }],
  invalid: [
    { spec: { securityContext: { seLinuxOptions: { type: "spc_t" } } } },
    { spec: { securityContext: { seLinuxOptions: { user: "system_u" } } } },
    { spec: { containers: [{ name: "app", securityContext: { seLinuxOptions: { role: "system_r" } } }] } },
  ],
} satisfies ObjectRule;
