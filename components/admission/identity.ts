// What does one row of the table of writes say?

/** Verbs as admission knows them: a patch is an `update`, a server-side apply of something new a `create`. */
export type Verb = "create" | "update" | "delete" | "connect";

// A resource is written group/resource/subresource, without the group for the core one. A lone * is every resource;
// */scale is that subresource of every resource.

/** Some writes of one identity. */
export interface Grant {
  readonly verbs: readonly Verb[];
  readonly on: readonly string[];
  /** Only in these namespaces. Default: in all, and cluster-wide. */
  readonly namespaces?: readonly string[];
  /** CEL over `request`, `object`, `oldObject` that must hold as well. */
  readonly when?: string;
}

/** The writes of one program. */
export interface Identity {
  /** Name of the user; a ServiceAccount as `namespace:name`. */
  readonly user?: string;
  readonly serviceAccount?: string;
  readonly grants: readonly Grant[];
}

/** A grant in a line: verbs separated by spaces, then resources. */
export const grant = (verbs: string, ...on: string[]): Grant => ({ verbs: verbs.split(" ") as Verb[], on });
/** The same grants, in one namespace only. */
export const within = (namespace: string, ...grants: Grant[]): Grant[] =>
  grants.map((each) => ({ ...each, namespaces: [namespace] }));
/** Subresources of a resource. */
export const partsOf = (resource: string, ...parts: string[]): string[] => parts.map((part) => `${resource}/${part}`);
