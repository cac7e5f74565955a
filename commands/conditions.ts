// What does an object say of itself? The conditions of its status.
import type { KubernetesObject } from "../local/kubernetes-api.ts";

/** One condition, as most kinds have them. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** The condition of a type. */
export const condition = (object: KubernetesObject, type: string): Condition | undefined =>
  (object.status?.conditions as Condition[] | undefined)?.find((each) => each.type === type);
