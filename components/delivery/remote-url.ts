// What does a kustomization mean by a name that is no path? A repository and a folder in it, as Kustomize reads its URLs.
import { posix } from "node:path";

/** A folder of another repository. */
export interface RemoteBase {
  /** As Git is asked for it. */
  readonly repository: string;
  /** Branch, tag or commit; "HEAD" where the name says none. */
  readonly ref: string;
  /** Folder in the repository; empty for its root. */
  readonly path: string;
}

/** Whether a name leads out of the repository that it stands in, to where only a network gets. */
export const isRemote = (word: string): boolean =>
  /^(https?|ssh|git|oci|file):|^git@|^git::|\?(ref|version)=|^github\.com[/:]/i.test(word);

/** The base that a name stands for; undefined where Kustomize sees none in it. */
export const remoteBase = (word: string): RemoteBase | undefined => {
  const [place = "", query = ""] = word.replace(/^git::/i, "").split("?", 2);
  const asked = new URLSearchParams(query);
  const ref = asked.get("ref") || asked.get("version") || "HEAD";
  const split = hostOf(place);
  if (!split) return undefined;
  const found = split.host && divided(split.rest);
  if (!found) return undefined;
  const path = posix.normalize(found.path || ".").replace(/^\/+|\/+$/g, "");
  if (!found.repository || path === ".." || path.startsWith("../")) return undefined;
  return { repository: split.host + found.repository, ref, path: path === "." ? "" : path };
};

/** Scheme and host with what ends them, and what stands behind. */
const hostOf = (place: string): { host: string; rest: string } | undefined => {
  const [, scheme = "", behind = ""] = /^(ssh:\/\/|https?:\/\/|file:\/\/)?(.*)$/is.exec(place) ?? [];
  if (/^file:/i.test(scheme)) return { host: scheme, rest: behind };
  const [, user = "", rest = ""] = /^([a-z][a-z0-9-]*@)?(.*)$/is.exec(behind) ?? [];
  const github = /^github\.com[/:]/i.test(rest);
  const likeScp = scheme === "" && (user !== "" || github);
  if (scheme === "" && !likeScp) return undefined;
  const end = rest.search(likeScp ? /[/:]/ : /\//);
  if (end < 0) return undefined;
  const path = rest.slice(end + 1);
  if (github) return { host: /^ssh:/i.test(scheme) || user ? `${user}github.com:` : "https://github.com/", rest: path };
  return { host: scheme + user + rest.slice(0, end + 1), rest: path };
};

/** Where the repository ends and the folder begins: at `_git/x`, at `//`, behind `.git`, else after two steps. */
const divided = (rest: string): { repository: string; path: string } | undefined => {
  const [, ofAzure, below = ""] = /^(.*?_git\/[^/]*)\/?(.*)$/s.exec(rest) ?? [];
  if (ofAzure !== undefined) return { repository: ofAzure, path: below };
  const double = rest.indexOf("//");
  if (double >= 0) return { repository: rest.slice(0, double), path: rest.slice(double + 2) };
  const suffix = rest.indexOf(".git");
  if (suffix >= 0) return { repository: rest.slice(0, suffix + 4), path: rest.slice(suffix + 4) };
  const steps = rest.split("/");
  return steps.length < 2 ? undefined : { repository: steps.slice(0, 2).join("/"), path: steps.slice(2).join("/") };
};
