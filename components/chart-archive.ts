// Is this the vendor's chart? Its archive is fetched, compared with the pinned digest, and kept where only such archives lie.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** An archive that is wanted, and where it may be had. */
export interface ChartArchive {
  readonly name: string;
  readonly version: string;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
  /** URL of the archive, with `http:` or `https:`, or of the OCI repository that holds it, with `oci:`. */
  readonly address: string;
}

/** Milliseconds for the whole of an archive: charts have less than a megabyte. */
const patience = 60_000;

/** Folder of the archives: `charts` in the cache folder of this project, which `PLUMBLINE_CACHE` overrides. */
export const archiveFolder = (): string =>
  resolve(
    process.env.PLUMBLINE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "plumbline"),
    "charts",
  );

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Path of an archive that has the pinned digest, fetched if it isn't here yet.
 *
 * @throws Error when it cannot be fetched, or is another than the pinned one
 */
export const chartArchive = async (wanted: ChartArchive): Promise<string> => {
  const { name, version, digest, address } = wanted;
  const folder = archiveFolder();
  // The digest is part of the name: two versions of the truth never share a file.
  const path = join(folder, `${name}-${version}-${digest.slice(0, 16)}.tgz`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept && digestOf(kept) === digest) return path;
  const bytes = await fetched(wanted);
  const found = digestOf(bytes);
  if (found !== digest) {
    throw new Error(
      `${subject(wanted)}: the archive at ${address} has the digest sha256:${found}, pinned is sha256:${digest}. ` +
        "It is another than the one that was reviewed; nothing of it was used.",
    );
  }
  await mkdir(folder, { recursive: true });
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeFile(aside, bytes);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
  return path;
};

const subject = ({ name, version }: ChartArchive): string => `chart ${name} ${version}`;

const fetched = async (wanted: ChartArchive): Promise<Uint8Array> => {
  const signal = AbortSignal.timeout(patience);
  try {
    const response = wanted.address.startsWith("oci:")
      ? await fromRegistry(blobAddress(wanted), signal)
      : await fetch(wanted.address, { signal });
    if (!response.ok) throw new Error(`it answers ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new Error(
      `${subject(wanted)} cannot be fetched from ${wanted.address}: ${reason(error)}. ` +
        "`chart.mirror` names another place that holds the same archive.",
      { cause: error },
    );
  }
};

// `fetch` says no more than "fetch failed"; its cause says why.
const reason = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
};

// An archive is a blob of the registry under its own digest: no tag has to be trusted for it.
const blobAddress = ({ address, digest }: ChartArchive): string => {
  const { host, hostname, pathname } = new URL(address.replace(/^oci:/, "https:"));
  const scheme = ["localhost", "127.0.0.1", "[::1]"].includes(hostname) ? "http" : "https";
  return `${scheme}://${host}/v2${pathname}/blobs/sha256:${digest}`;
};

const fromRegistry = async (url: string, signal: AbortSignal): Promise<Response> => {
  const first = await fetch(url, { signal });
  if (first.status !== 401) return first;
  const token = await anonymousToken(first.headers.get("www-authenticate") ?? "", signal);
  return fetch(url, { signal, headers: { authorization: `Bearer ${token}` } });
};

// Registries give a token for reading what is public to whoever asks for it.
const anonymousToken = async (challenge: string, signal: AbortSignal): Promise<string> => {
  const told = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
  if (!/^bearer /i.test(challenge) || !told.realm) throw new Error("it asks for a password");
  const realm = new URL(told.realm);
  for (const key of ["service", "scope"]) if (told[key]) realm.searchParams.set(key, told[key]);
  const response = await fetch(realm, { signal });
  if (!response.ok) throw new Error(`${realm.host} gives no token: ${response.status} ${response.statusText}`);
  const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
  const found = token ?? access_token;
  if (!found) throw new Error(`${realm.host} gives no token`);
  return found;
};
