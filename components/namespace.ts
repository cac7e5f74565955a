// What does the namespace of every layer have? Pod Security, the name of its slot, and no traffic but what is opened.
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Slot } from "./slot.ts";
import { podSecurity, toApiServer } from "./workload.ts";

/** Label of a layer's namespace: the slot that it fills. `plumbline status` and network openings find it by this. */
export const slotLabel = "plumbline.dev/slot";

/** What differs between the namespaces of layers. */
export interface LayerNamespace {
  readonly namespace: string;
  readonly slot: Slot;
  /** Pod Security level that is enforced. Default: "restricted". */
  readonly level?: "restricted" | "privileged";
  /** Whether it and the volumes in it stay when the layer leaves the stack. Default: false. */
  readonly keep?: boolean;
}

/**
 * Declares the namespace of a layer with a NetworkPolicy that denies everything, and one that opens DNS and the API server.
 *
 * @returns the namespace; what stands in it depends on it
 */
export const layerNamespace = (
  name: string,
  { namespace, slot, level = "restricted", keep = false }: LayerNamespace,
  opts: pulumi.ComponentResourceOptions,
): k8s.core.v1.Namespace => {
  const home = new k8s.core.v1.Namespace(
    `${name}-namespace`,
    { metadata: { name: namespace, labels: { ...podSecurity(level), [slotLabel]: slot } } },
    { ...opts, ...(keep && { retainOnDelete: true }) },
  );
  const within = { ...opts, dependsOn: home };
  new k8s.networking.v1.NetworkPolicy(
    `${name}-default-deny`,
    { metadata: { name: "default-deny", namespace }, spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } },
    within,
  );
  new k8s.networking.v1.NetworkPolicy(
    `${name}-to-api-server`,
    {
      metadata: { name: "to-api-server", namespace },
      spec: { podSelector: {}, policyTypes: ["Egress"], egress: toApiServer },
    },
    within,
  );
  return home;
};
