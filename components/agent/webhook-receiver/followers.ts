// Who follows what was pushed? Objects of the agents, compared by repository and by ref.
import type { PushEvent } from "./events.ts";

/** A repository that an agent follows, and what of it. */
export interface Follower {
  readonly url: string;
  /** `either`: a word that may be the name of a branch or of a tag. `nothing`: one commit or digest, which never moves. */
  readonly follows: "branch" | "tag" | "either" | "nothing";
  /** Undefined: the branch that the repository names, or any tag. */
  readonly name?: string;
}

/**
 * What tells a repository from others, whichever way it is reached: host and path. `git@host:owner/name.git`,
 * `ssh://git@host/owner/name` and `https://host/Owner/name` are one.
 */
export const repositoryKey = (url: string): string | undefined => {
  const [, host, path] = /^(?:[\w.-]+@)?([\w.-]+):(?!\/)(.+)$/.exec(url) ?? [];
  const place = host && path ? `${host}/${path}` : placeOf(url);
  return place
    ?.replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .toLowerCase();
};

const placeOf = (url: string): string | undefined => {
  // Of a scheme that it does not know, URL takes no host apart.
  const known = url.replace(/^oci:/, "https:");
  if (!URL.canParse(known)) return undefined;
  const { hostname, pathname } = new URL(known);
  return hostname && pathname.length > 1 ? `${hostname}${pathname}` : undefined;
};

/** Whether a follower is to look, now that this was pushed. A look too many does no harm, one too few makes it wait. */
export const isMeant = ({ url, follows, name }: Follower, { repositories, ref, defaultBranch }: PushEvent): boolean => {
  if (follows === "nothing") return false;
  if (!repositories) return true;
  const key = repositoryKey(url);
  if (!key || !repositories.some((each) => repositoryKey(each) === key)) return false;
  if (ref === undefined) return true;
  const [, kind, moved = ref] = /^refs\/(heads|tags)\/(.+)$/.exec(ref) ?? [];
  if (kind === "heads") return follows !== "tag" && (name ?? defaultBranch ?? moved) === moved;
  if (kind === "tags") return follows !== "branch" && (name ?? moved) === moved;
  return (name ?? moved) === moved;
};

type Fields = Readonly<Record<string, string | undefined>>;

/** What a GitRepository or an OCIRepository of Flux follows. */
export const followedByFlux = (url: string, { branch, tag, semver, commit, digest }: Fields = {}): Follower => {
  if (commit ?? digest) return { url, follows: "nothing" };
  if (semver) return { url, follows: "tag" };
  if (tag) return { url, follows: "tag", name: tag };
  if (url.startsWith("oci:")) return { url, follows: "tag", name: "latest" };
  return { url, follows: "branch", ...(branch && { name: branch }) };
};

/** What a source of an Application follows: its revision is a word, a hash or a range. */
export const followedByArgoCd = (url: string, revision = "HEAD"): Follower => {
  if (/^([0-9a-f]{40}|[0-9a-f]{64}|sha256:[0-9a-f]{64})$/.test(revision)) return { url, follows: "nothing" };
  if (revision === "" || revision === "HEAD") return { url, follows: "branch" };
  if (/[\s<>=~^*|,]|\.x\b/.test(revision)) return { url, follows: "tag" };
  return { url, follows: "either", name: revision };
};
