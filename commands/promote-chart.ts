// Which version of a chart does an app have, and which of its files are of that version? Values are settings, and stay.
import { posix } from "node:path";
import { contentsOf, filesBelow } from "../components/delivery/closure.ts";
import { pathIn } from "../components/delivery/discover.ts";
import type { Entry, Snapshot } from "../components/delivery/repository.ts";
import type { Changes } from "./promote-draft.ts";
import type { Promotion } from "./promote-images.ts";
import { fieldOf, type Mapping, type Node, nodesOf, type Splice, spliced, textOf, withFields } from "./yaml-edit.ts";

/** A chart at a commit. */
export interface ChartAt {
  readonly snapshot: Snapshot;
  readonly folder: string;
  /** Files of values that its app names, within the folder. */
  readonly valuesFiles: readonly string[];
}

/** What a promotion makes of a chart. */
export interface ChartPromotion {
  readonly promotions: readonly (Promotion & { readonly places: readonly string[] })[];
  readonly changes: Changes;
  /** What a person should know, in a sentence each. */
  readonly left: readonly string[];
}

/** Takes the version of a chart over with the files that it consists of, and the versions of the charts that it depends on. */
export const promotedChart = async (from: ChartAt, to: ChartAt): Promise<ChartPromotion> => {
  const [there, here] = [await rootOf(from, "Chart.yaml"), await rootOf(to, "Chart.yaml")];
  if (!there || !here) return { promotions: [], changes: new Map(), left: [] };
  const [name = "", after = "", before = ""] = [
    textOf(fieldOf(there.root, "name")),
    textOf(fieldOf(there.root, "version")),
    textOf(fieldOf(here.root, "version")),
  ];
  const own = filesBelow(from.snapshot, pathIn(from.folder, "templates")).length > 0;
  if (own && name === textOf(fieldOf(here.root, "name")) && after !== before) {
    const place = `${pathIn(to.folder, "Chart.yaml")}:${lineOf(here.text, /^version:/m)}`;
    const promotion = { what: "chart" as const, name, before: [before], after, places: [place] };
    return { promotions: [promotion], changes: await takenOver(from, to), left: [] };
  }
  return promotedDependencies(from, to, there, here);
};

interface Root {
  readonly text: string;
  readonly root: Mapping;
}

const rootOf = async ({ snapshot, folder }: ChartAt, file: string): Promise<Root | undefined> => {
  const entry = snapshot.entries.get(pathIn(folder, file));
  if (entry?.type !== "file") return undefined;
  const text = (await contentsOf(snapshot, [entry])).get(entry.path)?.toString() ?? "";
  const [root] = nodesOf(text);
  return root?.kind === "mapping" ? { text, root } : undefined;
};

const lineOf = (text: string, word: RegExp): number => text.slice(0, Math.max(0, text.search(word))).split("\n").length;

/** Files of a chart that are no settings, by their path in its folder. */
const partsOf = ({ snapshot, folder, valuesFiles }: ChartAt): Map<string, Entry> =>
  new Map(
    filesBelow(snapshot, folder)
      .map((entry) => [posix.relative(folder, entry.path), entry] as const)
      .filter(
        ([path, { type }]) => type === "file" && !/^values[^/]*\.ya?ml$/.test(path) && !valuesFiles.includes(path),
      ),
  );

/** Files that go where the other version has none of that name: what else lies in the folder may be a person's own. */
const ofChart = /^(templates|crds|charts)\//;

const takenOver = async (from: ChartAt, to: ChartAt): Promise<Changes> => {
  const [parts, old] = [partsOf(from), partsOf(to)];
  const bytes = await contentsOf(from.snapshot, [...parts.values()]);
  const changes = new Map<string, Uint8Array | null>();
  for (const [path, { oid, path: at }] of parts)
    if (old.get(path)?.oid !== oid) changes.set(pathIn(to.folder, path), bytes.get(at) ?? Buffer.alloc(0));
  for (const path of old.keys()) if (ofChart.test(path) && !parts.has(path)) changes.set(pathIn(to.folder, path), null);
  return changes;
};

const promotedDependencies = async (from: ChartAt, to: ChartAt, there: Root, here: Root): Promise<ChartPromotion> => {
  const known = new Map(dependenciesOf(there.root).map((each) => [each.key, each]));
  const promotions: ChartPromotion["promotions"][number][] = [];
  const splices: Splice[] = [];
  const changes = new Map<string, string | Uint8Array | null>();
  for (const { key, name, version: before, node } of dependenciesOf(here.root)) {
    const after = known.get(key)?.version;
    if (!after || after === before) continue;
    const edits = withFields(here.text, node, { version: after });
    const place = `${pathIn(to.folder, "Chart.yaml")}:${here.text.slice(0, edits[0]?.start ?? 0).split("\n").length}`;
    promotions.push({ what: "chart", name, before: [before], after, places: [place] });
    splices.push(...edits);
    for (const [path, bytes] of await archivesOf(from, to, name)) changes.set(path, bytes);
  }
  if (splices.length === 0) return { promotions, changes, left: [] };
  const text = spliced(here.text, splices);
  changes.set(pathIn(to.folder, "Chart.yaml"), text);
  const lock = pathIn(to.folder, "Chart.lock");
  const locked = from.snapshot.entries.get(pathIn(from.folder, "Chart.lock"));
  const same = listed(nodesOf(text)[0]) === listed(there.root);
  if (same && locked) changes.set(lock, (await contentsOf(from.snapshot, [locked])).get(locked.path) ?? "");
  const stale = !same && to.snapshot.entries.has(lock);
  const update = `${lock} is of the dependencies before: run helm dependency update ${to.folder} on the branch`;
  return { promotions, changes, left: stale ? [update] : [] };
};

const dependenciesOf = (root: Node): { key: string; name: string; version: string; node: Mapping }[] => {
  const list = fieldOf(root, "dependencies");
  return (list?.kind === "sequence" ? list.items : []).flatMap((node) => {
    const [name, version, alias] = ["name", "version", "alias"].map((field) => textOf(fieldOf(node, field)));
    return node.kind === "mapping" && name && version ? [{ key: alias ?? name, name, version, node }] : [];
  });
};

/** What a lock file is made of. */
const listed = (root: Node | undefined): string => {
  const list = fieldOf(root, "dependencies");
  const fields = ["name", "version", "repository"];
  return JSON.stringify(
    (list?.kind === "sequence" ? list.items : []).map((node) => fields.map((field) => textOf(fieldOf(node, field)))),
  );
};

/** The archive or folder of a dependency, in the place of the one that was there. */
const archivesOf = async (from: ChartAt, to: ChartAt, name: string): Promise<Changes> => {
  const within = ({ snapshot, folder }: ChartAt) =>
    filesBelow(snapshot, pathIn(folder, "charts")).filter(({ path }) => {
      const rest = posix.relative(pathIn(folder, "charts"), path);
      return (
        rest.startsWith(`${name}/`) ||
        (rest.startsWith(`${name}-`) && /^\d[^/]*\.tgz$/.test(rest.slice(name.length + 1)))
      );
    });
  const found = within(from);
  if (found.length === 0) return new Map();
  const bytes = await contentsOf(from.snapshot, found);
  const put = found.map(
    ({ path }) => [pathIn(to.folder, posix.relative(from.folder, path)), bytes.get(path) ?? Buffer.alloc(0)] as const,
  );
  return new Map<string, Uint8Array | null>([...within(to).map(({ path }) => [path, null] as const), ...put]);
};
