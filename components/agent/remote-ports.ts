// How does an agent get to what lies outside of an app's repository? An opening of its network to the ports that a stack names.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labels } from "../workload.ts";

/** Lets programs of an agent out to some TCP ports, wherever; nothing is declared where there are none. */
export const openToRemotes = (
  prefix: string,
  { namespace, programs, ports }: { namespace: string; programs: readonly string[]; ports: readonly number[] },
  opts: pulumi.ComponentResourceOptions,
): void => {
  for (const program of ports.length > 0 ? programs : []) {
    new k8s.networking.v1.NetworkPolicy(
      `${prefix}-${program}-to-remotes`,
      {
        metadata: { name: `${program}-to-remotes`, namespace },
        spec: {
          podSelector: { matchLabels: labels(program) },
          policyTypes: ["Egress"],
          egress: [{ ports: ports.map((port) => ({ protocol: "TCP", port })) }],
        },
      },
      opts,
    );
  }
};
