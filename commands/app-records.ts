// What did an agent record about each app? One shape for every agent; a file an agent knows its objects.
import type { Api } from "../local/kubernetes-api.ts";
import { argoCdRecords } from "./argo-cd-records.ts";
import { fluxRecords } from "./flux-records.ts";
import { pushRecords } from "./push-records.ts";

/** Where an agent's words point, in its own terms. */
export interface Hint {
  /** Path of a manifest in the repository, or its bare name. */
  readonly file?: string;
  /** From 1. */
  readonly line?: string;
  /** `Kind/name` or `Kind/namespace/name`. */
  readonly object?: string;
  /** A kind that the cluster does not know. */
  readonly kind?: string;
}

/** What an agent says of one app. */
export interface AppRecord {
  /** Implementation of the slot `agent`: "flux"; "pulumi" for an app of the model "push". */
  readonly agent: string;
  /** Full hash of the commit that is applied; empty before the first delivery. */
  readonly commit: string;
  /** Full hash of the commit that it tried last; empty where it says none. */
  readonly attempted: string;
  /** URL of the repository that it follows; empty where it has no source. */
  readonly repository: string;
  /** Folder of the manifests in the repository, without a leading `./`. */
  readonly folder: string;
  /** Whether what is applied is taken to be well. While the agent is at work, what it applied last runs on. */
  readonly well: boolean;
  /** Why the last attempt failed, in the agent's words, where it did. */
  readonly failure?: string;
  /** What the failure is about, where it says so. */
  readonly hint?: Hint;
  /** What it is at, where nothing has failed. */
  readonly progress?: string;
  /** RFC 3339: when it first applied what is applied. */
  readonly deliveredAt?: string;
  /** RFC 3339: since when it is as it is, where it is not well. */
  readonly changedAt?: string;
  /** The last live edit that it undid. */
  readonly reverted: () => Promise<{ readonly what: string; readonly at: string } | undefined>;
}

/** The record of an app, by the namespace and the name. */
export type Records = (namespace: string, name: string) => AppRecord | undefined;

/** What every agent of the platform recorded, and Pulumi; while apps are handed over there are two. */
export const readRecords = async (api: Api): Promise<Records> => {
  const agents = await Promise.all([fluxRecords(api), argoCdRecords(api), pushRecords(api)]);
  return (namespace, name) => agents.map((records) => records(namespace, name)).find((record) => record !== undefined);
};
