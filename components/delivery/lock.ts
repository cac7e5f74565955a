// Which content have the names by which apps reach out of their repository? What the lock file beside the stack says.
import { readFile } from "node:fs/promises";
import { CORE_SCHEMA, dump, load } from "js-yaml";
import { z } from "zod";

/** What a file may say of a cluster. */
export const capabilitiesSchema = z.strictObject({
  kubeVersion: z.string().regex(/^v?\d+\.\d+/, 'a version such as "v1.34.2"'),
  apiVersions: z.array(z.string().min(1)).readonly(),
});

const text = z.string().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");
const schema = z.strictObject({
  bases: z
    .array(
      z.strictObject({ repository: text, ref: text, commit: z.string().regex(/^[0-9a-f]{40,64}$/, "a full hash") }),
    )
    .default([]),
  files: z.array(z.strictObject({ url: text, sha256 })).default([]),
  charts: z.array(z.strictObject({ repository: text, name: text, asked: text, version: text, sha256 })).default([]),
  /** What the cluster is able to, for charts that ask. */
  cluster: capabilitiesSchema.optional(),
});

/** What was fetched once, and is to be the same ever after. */
export type Lock = Readonly<z.infer<typeof schema>>;

/** A folder of a Git repository that a kustomization names: what its `ref` was. */
export type LockedBase = Lock["bases"][number];

/** A file that a kustomization names by its URL. */
export type LockedFile = Lock["files"][number];

/** A chart that another one depends on: which version `asked` came to. */
export type LockedChart = Lock["charts"][number];

/** Variable that names the lock file. */
export const lockVariable = "PLUMBLINE_LOCK";

/** What a lock file says; nothing where there is none. @throws Error that names the file */
export const readLock = async (file = process.env[lockVariable]): Promise<Lock> => {
  const content = file && (await readFile(file, "utf8").catch(() => undefined));
  if (!content) return schema.parse({});
  try {
    return schema.parse(load(content, { schema: CORE_SCHEMA }) ?? {});
  } catch (error) {
    const said = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Error(`${file} is no lock file: ${said}. Take it back from Git, or remove it and run \`plumbline lock\``);
  }
};

/** The text of a lock file: the same lock gives the same bytes. Empty where nothing is locked. */
export const lockText = ({ bases, files, charts, cluster }: Lock): string => {
  const sorted = <T extends object>(entries: readonly T[]): T[] =>
    [...entries].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b), "en"));
  const parts = { bases: sorted(bases), files: sorted(files), charts: sorted(charts) };
  const filled = {
    ...Object.fromEntries(Object.entries(parts).filter(([, entries]) => entries.length > 0)),
    ...(cluster && { cluster: { ...cluster, apiVersions: [...cluster.apiVersions].sort() } }),
  };
  if (Object.keys(filled).length === 0) return "";
  return `# What apps of this stack name outside of their repository, and what its cluster is able to, as it was found. \`plumbline lock\` writes this; commit it.\n${dump(filled, { lineWidth: -1 })}`;
};
