// What does an artifact of a registry hold? Its files, fetched once by their digest, as the agents unpack them.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { maxSatisfying, validRange } from "semver";
import { Parser } from "tar";
import { type Revision, revisionName } from "../agent/agent.ts";
import type { PlainCredentials } from "./git-access.ts";
import { digestOf, type OciRepository, openOciRepository } from "./oci-registry.ts";
import { type Entry, type Snapshot, SourceError } from "./repository.ts";

/** Bytes and files of an unpacked artifact, before which an archive that never ends is given up. */
const most = { bytes: 512 * 2 ** 20, files: 100_000 } as const;

/** Layers that hold files: the forms that OCI, Flux and ORAS give them. */
const layerTypes = /^application\/vnd\.[\w.-]+\.(layer|content|rootfs\.diff)[\w.-]*\.tar(\+gzip|\.gzip)?$/;

interface ManifestOfArtifact {
  readonly layers?: readonly { readonly mediaType: string; readonly digest: string }[];
}

/**
 * Opens an artifact. What `Snapshot.commit` has is its digest, without the word sha256.
 *
 * @throws SourceError that names repository and revision
 */
export const openArtifact = async (
  url: string,
  revision: Revision,
  credentials?: PlainCredentials,
): Promise<Snapshot> => {
  try {
    const repository = openOciRepository(url, credentials);
    const reference = await referenceOf(repository, revision);
    const { digest, bytes } = await keptOr(reference, async () => (await repository.manifest(reference)).bytes);
    const { layers = [] } = JSON.parse(bytes.toString()) as ManifestOfArtifact;
    const [layer, ...others] = layers.filter(({ mediaType }) => layerTypes.test(mediaType));
    if (!layer || others.length > 0) {
      const found = layers.map(({ mediaType }) => mediaType).join(", ") || "none";
      throw new Error(`an artifact has one layer with an archive of files, and the layers of this one are: ${found}`);
    }
    const archive = await keptOr(layer.digest, () => repository.blob(layer.digest));
    const files = await unpacked(archive.bytes);
    const entries = new Map(
      [...files].map(([path, { type, bytes: content }]): [string, Entry] => [
        path,
        { type, oid: createHash("sha256").update(content).digest("hex"), size: content.length, path },
      ]),
    );
    return {
      url,
      commit: digest.replace("sha256:", ""),
      entries,
      signable: async () => {
        throw new SourceError(`${url} is no Git repository: what it holds has no signature of a commit or tag`);
      },
      close: async () => {},
      read: async (wanted) => new Map(wanted.map(({ path }) => [path, files.get(path)?.bytes ?? Buffer.alloc(0)])),
    };
  } catch (error) {
    const kind = Object.keys(revision)[0];
    throw new SourceError(
      `cannot read ${kind} ${revisionName(revision)} of ${url}: ${(error as Error).message}. Correct the source of the app, or make the registry reachable from here`,
    );
  }
};

const referenceOf = async (repository: OciRepository, revision: Revision): Promise<string> => {
  if ("digest" in revision) return revision.digest;
  if ("tag" in revision) return revision.tag;
  if (!("semver" in revision)) throw new Error("an artifact has { tag }, { semver } and { digest }");
  // Both agents read a comma as "and", as Masterminds' library does.
  const wanted = revision.semver.replaceAll(",", " ");
  if (!validRange(wanted)) throw new Error('it is no range of versions such as ">=1.2.0 <2.0.0"');
  const tags = await repository.tags();
  const newest = maxSatisfying(tags, wanted);
  if (!newest) throw new Error(`none of its ${tags.length} tags is in that range`);
  return newest;
};

/**
 * Bytes by their digest: from the folder of renderings, where one is kept, else fetched and kept. What is there under a
 * digest never changes; a tag is asked for each time.
 */
const keptOr = async (
  reference: string,
  fetch: () => Promise<Buffer>,
): Promise<{ readonly digest: string; readonly bytes: Buffer }> => {
  const folder = process.env.PLUMBLINE_RENDERINGS && join(process.env.PLUMBLINE_RENDERINGS, "artifacts");
  const known = folder && (await readFile(join(folder, reference.replace(":", "-"))).catch(() => undefined));
  if (known && digestOf(known) === reference) return { digest: reference, bytes: known };
  const bytes = await fetch();
  const digest = digestOf(bytes);
  if (folder) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, digest.replace(":", "-"));
    const aside = `${path}.${randomUUID()}`;
    await writeFile(aside, bytes, { mode: 0o600 });
    await rename(aside, path);
  }
  return { digest, bytes };
};

interface Unpacked {
  readonly type: "file" | "link";
  readonly bytes: Buffer;
}

/** The files of an archive, by path; gzip or none. @throws Error for a path out of it, and for what never ends */
const unpacked = (archive: Buffer): Promise<Map<string, Unpacked>> =>
  new Promise((resolve, reject) => {
    const files = new Map<string, Unpacked>();
    let size = 0;
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        const path = entry.path.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
        const parts: Buffer[] = [];
        if (path.split("/").includes("..")) parser.abort(new Error(`${entry.path} leads out of it`));
        entry.on("data", (part: Buffer) => {
          size += part.length;
          if (size > most.bytes || files.size > most.files)
            parser.abort(new Error(`it has more than ${most.bytes / 2 ** 20} MiB, or ${most.files} files`));
          parts.push(part);
        });
        entry.on("end", () => {
          if (entry.type === "File" || entry.type === "OldFile" || entry.type === "ContiguousFile")
            files.set(path, { type: "file", bytes: Buffer.concat(parts) });
          else if (entry.type === "SymbolicLink" || entry.type === "Link")
            files.set(path, { type: "link", bytes: Buffer.from(entry.linkpath ?? "") });
        });
      },
    });
    parser.on("error", reject);
    parser.on("end", () => resolve(files));
    parser.end(archive);
  });
