// How much of itself does a layer run? One word that every layer understands.

/** `single`: one replica, for one node. `ha`: replicas that survive the loss of a node, spread over nodes. */
export const Size = { Single: "single", Ha: "ha" } as const;

/** One of {@link Size}. */
export type Size = (typeof Size)[keyof typeof Size];
