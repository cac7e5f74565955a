// Is each file of an app one that its agent fetches and reads? What is none is named before anything is rendered.
import { AppKind } from "../agent/agent.ts";
import { type Closure, contentsOf, isYaml, RenderError } from "./closure.ts";
import { encodingOf } from "./manifests.ts";
import type { Entry, Snapshot } from "./repository.ts";
import { linkTarget, type RenderingAgent } from "./seen.ts";

/** Bytes that one file may have: more than the largest definition of a kind, less than what stops a reader. */
const maxBytes = 16 * 1024 * 1024;

/** Bytes that the manifests of a folder may have together: what Argo CD's repository server reads unless it is told otherwise. */
const maxBytesOfFolder = 10_000_000;

/** @throws RenderError where a file of an app is none that an agent fetches or reads */
export const refuseUnfetched = async (
  snapshot: Snapshot,
  closure: Closure,
  agent: RenderingAgent,
  kind: AppKind,
): Promise<void> => {
  for (const { type, path, size } of closure.values()) {
    if (type === "submodule") {
      throw new RenderError(snapshot, "is a submodule, which agents don't fetch: put its files in its place", path);
    }
    if (size > maxBytes) {
      throw new RenderError(snapshot, `has ${size} bytes, and ${maxBytes} are the most that is read: divide it`, path);
    }
  }
  if (agent === "argo-cd") {
    await refuseLinksOut(snapshot);
    if (kind === AppKind.Yaml) refuseTooMuch(snapshot, closure);
  }
  for (const [path, bytes] of await contentsOf(snapshot, [...closure.values()])) {
    const reason =
      closure.get(path)?.type === "link"
        ? linkProblem(snapshot, path, bytes.toString(), agent)
        : contentProblem(path, bytes, kind !== AppKind.Helm);
    if (reason) throw new RenderError(snapshot, reason, path);
  }
};

const pointer = "version https://git-lfs.github.com/spec/";

const contentProblem = (path: string, bytes: Buffer, decoded: boolean): string | undefined => {
  if (bytes.subarray(0, pointer.length).toString() === pointer)
    return "is a pointer of Git LFS, whose content agents don't fetch: commit the file";
  const encoding = encodingOf(bytes);
  if (encoding === "utf-8" || decoded || !/\.(ya?ml|tpl|json)$|(^|\/)Kustomization$/.test(path)) return undefined;
  return `is ${encoding.toUpperCase()} text, which Helm does not read: save it as UTF-8`;
};

/** Argo CD refuses a repository with such a link, wherever it lies. */
const refuseLinksOut = async (snapshot: Snapshot): Promise<void> => {
  const links = [...snapshot.entries.values()].filter(({ type }) => type === "link");
  for (const [path, target] of await contentsOf(snapshot, links)) {
    if (linkTarget(path, target.toString()) !== undefined) continue;
    throw new RenderError(snapshot, linkProblem(snapshot, path, target.toString(), "argo-cd"), path);
  }
};

const refuseTooMuch = (snapshot: Snapshot, closure: Closure): void => {
  const files = [...closure.values()].filter(({ path }) => isYaml(path) || path.endsWith(".json"));
  const sum = files.reduce((bytes, { size }) => bytes + size, 0);
  if (sum <= maxBytesOfFolder) return;
  const largest = files.reduce(
    (one: Entry | undefined, other) => (one && one.size >= other.size ? one : other),
    undefined,
  );
  const reason = `is the largest of ${files.length} manifests with ${sum} bytes, and ${maxBytesOfFolder} are the most that Argo CD reads for an app: divide the app`;
  throw new RenderError(snapshot, reason, largest?.path);
};

const linkProblem = ({ entries }: Snapshot, path: string, target: string, agent: RenderingAgent): string => {
  const resolved = linkTarget(path, target);
  if (resolved === undefined) return `is a symbolic link out of the repository, to ${target}: put a file in its place`;
  if (resolved === path || path.startsWith(`${resolved}/`) || entries.get(resolved)?.type === "link")
    return `is a symbolic link in a circle or to another one, ${target}: put a file in its place`;
  return agent === "flux"
    ? `is a symbolic link, to ${target}, and Flux fetches none: put a file in its place`
    : `is a symbolic link to ${target}, which is no file of the repository: put a file in its place`;
};
