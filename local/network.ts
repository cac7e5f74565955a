// Which addresses has what in a local cluster? The same in every one: each has a network namespace of its own.

/** Addresses that the parts of a cluster know each other by. */
export const addresses = {
  controlPlane: "10.88.0.1",
  bridge: "nodes0",
  machines: "10.88.0.0/24",
  pods: "10.244.0.0/16",
  services: "10.96.0.0/16",
  apiService: "10.96.0.1",
  dns: "10.96.0.10",
  domain: "cluster.local",
} as const;

/** Most nodes that one cluster may have: each costs about 150 MB before its first pod. */
export const maxNodes = 9;

export const nodeName = (index: number): string => `node-${index}`;
export const nodeAddress = (index: number): string => `10.88.0.${10 + index}`;
/** Addresses of the pods of one node. */
export const podRange = (index: number): string => `10.244.${index}.0/24`;
