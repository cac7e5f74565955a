// Which of Flux's sources bring apps that a push has changed? Those are told first: the others follow when it is done.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Api, ApiError, type KubernetesObject } from "./kubernetes-api.ts";

const run = promisify(execFile);

const sourceApi = "/apis/source.toolkit.fluxcd.io/v1";
const kustomizeApi = "/apis/kustomize.toolkit.fluxcd.io/v1";

/** Sources of one repository, those of changed apps apart. */
export interface Touched {
  readonly first: readonly KubernetesObject[];
  readonly rest: readonly KubernetesObject[];
  /** Waits until the changed apps are delivered, or for `seconds`. */
  readonly delivered: (seconds: number) => Promise<void>;
}

interface Delivered {
  /** API path of what says how the delivery went; a chart has none that is waited for. */
  readonly record?: string;
  /** `namespace/name` of the source. */
  readonly source: string;
  readonly folder: string;
}

/**
 * Compares what each source fetched last with what its branch is now.
 *
 * @param bare folder of the bare repository
 * @param sources GitRepositories that follow it
 */
export const touchedSources = async (
  api: Api,
  bare: string,
  sources: readonly KubernetesObject[],
): Promise<Touched> => {
  const all = { first: sources, rest: [], delivered: async () => {} };
  if (sources.length < 2) return all;
  const apps = await deliveredApps(api);
  const differences = new Map<string, Promise<readonly string[] | undefined>>();
  const filesOf = (source: KubernetesObject) => {
    const from = String(source.status?.artifact?.revision ?? "").match(/sha1:([0-9a-f]{40})$/)?.[1];
    const { branch } = source.spec.ref ?? {};
    const key = `${from} ${branch}`;
    const files = differences.get(key) ?? (from && branch ? changed(bare, from, branch) : Promise.resolve(undefined));
    differences.set(key, files);
    return files;
  };
  const first: KubernetesObject[] = [];
  const changedApps: Delivered[] = [];
  for (const source of sources) {
    const files = await filesOf(source);
    const its = apps.filter(({ source: name }) => name === nameOf(source.metadata.namespace, source.metadata.name));
    const hit = its.filter(({ folder }) => files?.some((file) => folder === "" || file.startsWith(`${folder}/`)));
    if (!files || hit.length > 0) first.push(source);
    changedApps.push(...hit);
  }
  if (first.length === 0) return all;
  const records = changedApps.flatMap(({ record }) => record ?? []);
  return {
    first,
    rest: sources.filter((source) => !first.includes(source)),
    delivered: (seconds) => deliveredAt(api, bare, first, records, seconds),
  };
};

const nameOf = (namespace: string | undefined, name: string): string => `${namespace}/${name}`;

const folderOf = (path: unknown): string =>
  String(path ?? "")
    .replace(/^(\.?\/)+/, "")
    .replace(/^\.$/, "")
    .replace(/\/+$/, "");

const deliveredApps = async (api: Api): Promise<Delivered[]> => {
  const [kustomizations, charts] = await Promise.all([
    listed(api, `${kustomizeApi}/kustomizations`),
    listed(api, `${sourceApi}/helmcharts`),
  ]);
  return [
    ...kustomizations.map(({ metadata, spec }) => ({
      record: `${kustomizeApi}/namespaces/${metadata.namespace}/kustomizations/${metadata.name}`,
      source: nameOf(spec.sourceRef.namespace ?? metadata.namespace, spec.sourceRef.name),
      folder: folderOf(spec.path),
    })),
    ...charts.map(({ metadata, spec }) => ({
      source: nameOf(metadata.namespace, spec.sourceRef.name),
      folder: folderOf(spec.chart),
    })),
  ];
};

// A platform of before this right existed: nothing is known of its apps, so all are told at once.
const listed = (api: Api, path: string): Promise<KubernetesObject[]> =>
  api.list(path).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  });

// A history that was rewritten, or a commit that is not there any more: everything counts as changed.
const changed = async (bare: string, from: string, branch: string): Promise<readonly string[] | undefined> => {
  const args = ["--git-dir", bare, "diff", "--name-only", "-z", "--no-renames", from, `refs/heads/${branch}`, "--"];
  return run("git", args, { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => stdout.split("\0").filter(Boolean),
    () => undefined,
  );
};

const deliveredAt = async (
  api: Api,
  bare: string,
  sources: readonly KubernetesObject[],
  records: readonly string[],
  seconds: number,
): Promise<void> => {
  const heads = await Promise.all(
    [...new Set(sources.map(({ spec }) => String(spec.ref?.branch)))].map((branch) =>
      run("git", ["--git-dir", bare, "rev-parse", `refs/heads/${branch}`]).then(
        ({ stdout }) => stdout.trim(),
        () => "",
      ),
    ),
  );
  const arrived = (revision: unknown) => heads.some((head) => head !== "" && String(revision).endsWith(head));
  // Of many changed apps the last are no sooner there than the others: a few stand for them.
  let left = records.slice(0, 20);
  for (const until = performance.now() + seconds * 1000; left.length > 0 && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const found = await Promise.all(left.map((path) => api.get(path).catch(() => undefined)));
    left = left.filter((_, index) => !arrived(found[index]?.status?.lastAttemptedRevision));
  }
};
