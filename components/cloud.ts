// What does a cluster have at its cloud for the layers that stand on it: buckets, keys, databases, and identities for their pods?
import * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./cluster/policy.ts";

/** In the place of an argument: what the cluster makes for the layer at its cloud. */
export const ofCluster = "of the cluster";
/** Type of {@link ofCluster}. */
export type OfCluster = typeof ofCluster;

/** What a cluster can make. */
export type CloudThing = "bucket" | "database" | "key" | "repository";

/** Roles that CI takes by a token of its own, and holds no key for. */
export interface CloudRoles {
  readonly region: string;
  /** Applies. */
  readonly ci: string;
  /** Previews pull requests. */
  readonly ciPreview?: string;
}

/** The rights of one use of one thing, and no more: `bucket.readWrite`, `key.unseal`, `zone.records`. */
export interface CloudGrant {
  readonly statements: readonly Statement[];
}

/** A bucket, private and encrypted. */
export interface CloudBucket {
  /** Known before it is made. */
  readonly name: string;
  readonly read: CloudGrant;
  readonly readWrite: CloudGrant;
}

/** A key that never leaves the cloud. */
export interface CloudKey {
  /** Known before it is made. */
  readonly alias: string;
  /** To encrypt a small value and decrypt it again. */
  readonly unseal: CloudGrant;
}

/** Pods of one ServiceAccount, and what they may do. */
export interface CloudIdentityArgs {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly grants: readonly CloudGrant[];
}

/** How large a database is, and how it is kept. */
export interface CloudDatabaseArgs {
  /** Class of its machine. Default: "db.t4g.medium". */
  instanceClass?: string;
  /** GiB of its disk at first. Default: 20. */
  storage?: number;
  /** GiB up to which the disk grows by itself. Default: five times `storage`. */
  maxStorage?: number;
  /** Whether a second one in another zone takes over when the first fails, for twice the price. Default: true. */
  multiAz?: boolean;
  /** Days that its backups are kept, and to whose every second it can be brought back. Default: 14. */
  backups?: number;
  /** Days after which its password is made anew. Default: 365. */
  passwordDays?: number;
}

/** A database of PostgreSQL that only the cluster reaches, by TLS. */
export interface CloudDatabase {
  readonly host: pulumi.Output<string>;
  readonly port: number;
  readonly username: string;
  readonly database: string;
  /** Under which the cloud keeps its `username` and `password`, as JSON. */
  readonly secret: pulumi.Output<string>;
  /** What its users wait for. */
  readonly ready: readonly pulumi.Resource[];
}

/** What a cluster has at its cloud. */
export interface Cloud {
  readonly region: string;
  /** Host before the paths of the images that the cloud keeps. */
  readonly registryHost: string;
  /** Declares a repository of images, which stays when the stack goes. @param name "team/web" */
  repository(name: string): void;
  /** Declares a bucket that stays when the stack goes. @param name within the cluster: "loki" */
  bucket(name: string): CloudBucket;
  /** Declares a key, which stays as well. @param name within the cluster: "vault" */
  key(name: string): CloudKey;
  /** Declares a database, of which a snapshot stays when it goes. @param name within the cluster: "harbor" */
  database(name: string, args?: CloudDatabaseArgs): CloudDatabase;
  /** The records of a zone of DNS that is there. @param id its identifier: "Z0123456789ABC" */
  zone(id: string): { readonly records: CloudGrant };
  /** The secrets whose names begin with that of the cluster and a slash, and the passwords of its databases. */
  secrets(): { readonly read: CloudGrant };
  /**
   * Gives pods an identity at the cloud. They need nothing but their ServiceAccount, and have it from their start on: what
   * makes them waits for what this returns.
   *
   * @throws InvalidDeclaration where the cloud takes no such name
   */
  identity(identity: CloudIdentityArgs): pulumi.Resource;
}

/** The cloud of a cluster. @throws Error where there is none, which a platform refuses before */
export const cloudOf = ({ cloud }: { readonly cloud?: Cloud }): Cloud => {
  if (!cloud) throw new Error("this cluster stands on no cloud");
  return cloud;
};

/** Options under which the objects of a cluster wait for what their pods need at the cloud. */
export const afterIdentity = (
  opts: pulumi.ComponentResourceOptions,
  identity: pulumi.Resource,
): pulumi.ComponentResourceOptions => ({
  ...opts,
  transformations: [
    ...(opts.transformations ?? []),
    // What a component waits for, its children don't.
    ({ type, props, opts: own }) =>
      type.startsWith("kubernetes:") ? { props, opts: pulumi.mergeOptions(own, { dependsOn: identity }) } : undefined,
  ],
});
