// What is it that apps name outside of their repository, now? Looked up anew by the network, and remembered for the lock file.
import { validRange } from "semver";
import { fetchChart, fetchCommit, fetchFile, movesOn } from "./fetch.ts";
import type { Lock, LockedBase, LockedChart, LockedFile } from "./lock.ts";
import { ManifestError, readManifests } from "./manifests.ts";
import { digestOf, keepFile, keptCommit, RemoteProblem, type Remotes } from "./remotes.ts";

/** A {@link Remotes} that asks the network, and what it has found so far. */
export interface Recording {
  readonly remotes: Remotes;
  /** The lock, and what of it an agent may find to be something else tomorrow, in a line each. */
  readonly result: () => Promise<{ readonly found: Lock; readonly moving: readonly string[] }>;
}

/** Remotes that are looked up now. */
export const recordingRemotes = (): Recording => {
  const files = new Map<string, LockedFile>();
  const bases = new Map<string, LockedBase>();
  const charts = new Map<string, LockedChart>();
  const remotes: Remotes = {
    file: async (url) => {
      const bytes = await fetchFile(url);
      // Kustomize tries a URL as a file first, and takes what holds no objects for the page of a repository.
      if (!bytes || !holdsObjects(bytes, url)) return undefined;
      const sha256 = digestOf(bytes);
      await keepFile(bytes);
      files.set(url, { url, sha256 });
      return { bytes, sha256 };
    },
    base: async ({ repository, ref }) => {
      const known = bases.get(`${repository} ${ref}`);
      const snapshot = await keptCommit(repository, known?.commit, (folder) => fetchCommit(folder, repository, ref));
      bases.set(`${repository} ${ref}`, { repository, ref, commit: snapshot.commit });
      return snapshot;
    },
    chart: async (dependency) => {
      const { repository, name, asked } = dependency;
      if (!asked) throw new RemoteProblem("has no version: write one into Chart.yaml");
      const { bytes, version } = await fetchChart(dependency);
      const sha256 = digestOf(bytes);
      await keepFile(bytes);
      charts.set(`${repository} ${name} ${asked}`, { repository, name, asked, version, sha256 });
      return { bytes, sha256, version };
    },
  };
  const result: Recording["result"] = async () => {
    const found = { bases: [...bases.values()], files: [...files.values()], charts: [...charts.values()] };
    const branches = await Promise.all(
      found.bases.map(async ({ repository, ref }) =>
        (await movesOn(repository, ref)) ? `${repository}?ref=${ref}` : "",
      ),
    );
    const ranges = found.charts.filter(({ asked, version }) => asked !== version && validRange(asked) !== version);
    return {
      found,
      moving: [
        ...branches.flatMap((name) =>
          name ? [`${name} is a branch, and an agent takes what it is then: name a tag or a commit`] : [],
        ),
        ...ranges.map(
          ({ name, asked }) =>
            `${name} ${asked} is a range of versions, and an agent takes the newest of it: commit the chart's Chart.lock`,
        ),
      ],
    };
  };
  return { remotes, result };
};

const holdsObjects = (bytes: Buffer, url: string): boolean => {
  try {
    return readManifests(bytes, url).length > 0;
  } catch (error) {
    if (error instanceof ManifestError) return false;
    throw error;
  }
};
