// Which rules are there? One line a rule; the order is that of the messages.

import type { Rule } from "../rule.ts";
import appArmor from "./app-armor.ts";
import capabilities from "./capabilities.ts";
import hostNamespaces from "./host-namespaces.ts";
import hostPorts from "./host-ports.ts";
import nonRoot from "./non-root.ts";
import nonRootUser from "./non-root-user.ts";
import pinnedImages from "./pinned-images.ts";
import privilegeEscalation from "./privilege-escalation.ts";
import privileged from "./privileged.ts";
import probeHosts from "./probe-hosts.ts";
import procMount from "./proc-mount.ts";
import provenance from "./provenance.ts";
import seLinux from "./se-linux.ts";
import seccomp from "./seccomp.ts";
import sysctls from "./sysctls.ts";
import volumeTypes from "./volume-types.ts";
import windowsHostProcess from "./windows-host-process.ts";

export const rules: readonly Rule[] = [
  hostNamespaces,
  privileged,
  windowsHostProcess,
  capabilities,
  volumeTypes,
  hostPorts,
  probeHosts,
  appArmor,
  seLinux,
  procMount,
  seccomp,
  sysctls,
  privilegeEscalation,
  nonRoot,
  nonRootUser,
  pinnedImages,
  provenance,
];
