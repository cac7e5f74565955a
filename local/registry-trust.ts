// How do nodes pull from a registry that only their cluster knows? containerd looks here at each pull; nothing restarts.
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Folder within a node's state for containerd's settings of single registries. */
export const registriesFolder = "registries";

/** A registry, and who signed for it. */
export interface TrustedRegistry {
  /** As it stands before an image's path. */
  readonly host: string;
  /** Where it answers by HTTPS: nodes find no name of the cluster by DNS. */
  readonly address: string;
  /** Certificate of the authority, PEM; undefined where it is not known yet: a pull then fails at once, not after a search by DNS. */
  readonly authority?: string;
}

/**
 * Tells every node of a cluster of a registry; safe to repeat. It stays over restarts, and goes with the cluster.
 *
 * @param cluster folder of the cluster in the state folder
 */
export const trustRegistry = async (cluster: string, { host, address, authority }: TrustedRegistry): Promise<void> => {
  const nodes = (await readdir(cluster)).filter((name) => /^node-\d+$/.test(name));
  for (const node of nodes) {
    const folder = join(cluster, node, registriesFolder, host);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const put = async (name: string, text: string) => {
      await writeFile(join(folder, `${name}.new`), text, { mode: 0o600 });
      await rename(join(folder, `${name}.new`), join(folder, name));
    };
    if (authority) await put("ca.crt", authority);
    await put("hosts.toml", `server = "https://${address}"\ncapabilities = ["pull", "resolve"]\nca = "ca.crt"\n`);
  }
};
