// Images that a node has from its first moment: containerd's own store, filled once and then linked into every node.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../engine/lock.ts";
import type { Say } from "../engine/progress.ts";
import { fingerprint, makeImages } from "./image-archives.ts";
import type { Image } from "./images.ts";
import { cgroupOf, lastWords, launchMachine, readMachine, stopMachine } from "./machine.ts";
import { environment, inside } from "./spec.ts";

/** Seconds that filling the store may take; 500 MB of images took 6 s on 2 cores. */
const fillingBound = 180;

/** Stores that the cache keeps: enough for every stack and test that is started in turn, at up to 2.5 GB each. */
const keptStores = 8;

export interface ImageStoreOptions {
  readonly images: readonly Image[];
  /** Folder with the programs, among them those that the images hold. */
  readonly programs: string;
  /** Folder that keeps images between starts and clones. */
  readonly cache: string;
  /** Folder of the state for the machine that fills the store: who stops the cluster stops it too. */
  readonly draft: string;
  readonly say: Say;
  readonly signal: AbortSignal;
}

/** The folder of a store that holds these images; made where it is missing, by a containerd in a machine of its own. */
export const ensureImageStore = async (options: ImageStoreOptions): Promise<string> => {
  const { images, programs, cache, draft, say, signal } = options;
  const { size, mtimeMs } = await stat(join(programs, "containerd"));
  const prints = await Promise.all(images.map((image) => fingerprint(image, programs)));
  const key = createHash("sha256")
    .update(JSON.stringify([2, size, mtimeMs, prints]))
    .digest("hex");
  const store = join(cache, `store-${key.slice(0, 24)}`);
  // Its time is that of its last use, by which old ones are found.
  const isThere = () => utimes(store, new Date(), new Date()).then(() => true, absent);
  if (await isThere()) return store;
  await mkdir(cache, { recursive: true });
  const waiting = ({ pid }: { pid: number }) => say(`process ${pid} makes the images; waiting for that`);
  await withLock(join(cache, ".lock"), { purpose: "makes images", signal, waiting }, async () => {
    if (await isThere()) return;
    const archives = await makeImages(images, programs, cache);
    say("importing the images");
    try {
      await fill(draft, archives, programs, cache, signal);
    } finally {
      await endFilling(draft);
    }
    await rm(`${store}.new`, { recursive: true, force: true });
    await linkTree(join(draft, "root"), `${store}.new`);
    await rename(`${store}.new`, store);
    await rm(draft, { recursive: true, force: true });
    await pruneStores(cache, keptStores);
  });
  return store;
};

const absent = (error: NodeJS.ErrnoException): false => {
  if (error.code === "ENOENT") return false;
  throw error;
};

/** Removes all stores but those that were used last: each new version of a program makes another one. */
export const pruneStores = async (cache: string, keep: number): Promise<void> => {
  const names = (await readdir(cache)).filter((name) => /^store-[0-9a-f]{24}$/.test(name));
  const stores = await Promise.all(
    names.map(async (name) => ({ path: join(cache, name), used: (await stat(join(cache, name))).mtimeMs })),
  );
  const old = stores.sort((one, other) => other.used - one.used).slice(keep);
  for (const { path } of old) await rm(path, { recursive: true, force: true });
};

/** Ends the machine that fills a store, also one that a killed start has left. */
export const endFilling = async (draft: string): Promise<void> => {
  if (!(await stat(draft).catch(() => undefined))) return;
  await stopMachine(draft, cgroupOf(draft));
};

/** Puts a store where a node's containerd looks for it, without copying its content; keeps what is already there of it. */
export const placeImageStore = async (store: string, target: string): Promise<void> => {
  const mark = `${target}.store`;
  const there = await readFile(mark, "utf8").catch(() => undefined);
  if (there === store) return;
  await rm(target, { recursive: true, force: true });
  await linkTree(store, target);
  await writeFile(mark, store);
};

const fill = async (
  draft: string,
  archives: readonly string[],
  programs: string,
  images: string,
  signal: AbortSignal,
) => {
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(join(draft, "containerd.toml"), configuration);
  const ctr = `${inside.bin}/ctr --address ${socket} --namespace k8s.io images import --local`;
  const imports = archives.map((archive) => `${ctr} /run/plumbline/images/${basename(archive)} & all="$all $!"`);
  const script = `${imports.join("\n")}\nfor each in $all; do wait $each || exit 1; done`;
  await launchMachine(
    draft,
    {
      name: "images",
      cgroup: cgroupOf(draft),
      mounts: [
        { source: programs, target: inside.bin, readOnly: true },
        { source: images, target: "/run/plumbline/images", readOnly: true },
        { source: draft, target: inside.state },
        { source: join(draft, "log"), target: inside.log },
      ],
      network: {},
      log: inside.log,
      processes: [
        {
          name: "containerd",
          argv: [`${inside.bin}/containerd`, "--config", `${inside.state}/containerd.toml`],
          env: environment(),
          ready: { unix: socket, timeoutSeconds: 30 },
        },
        { name: "import", after: ["containerd"], argv: ["/bin/sh", "-c", script], env: environment(), once: true },
      ],
    },
    programs,
  );
  for (const end = Date.now() + fillingBound * 1000; ; await sleep(50, undefined, { signal })) {
    const state = readMachine(draft);
    if (state?.processes.every(({ ready }) => ready)) return;
    const failed = (state ?? lastWords(draft))?.processes.find(({ lastExit }) => lastExit)?.lastExit;
    if (failed) throw new Error(`importing the images failed: ${failed.reason}\n${failed.tail}`);
    if (!state) throw new Error("the machine that imports the images has died");
    if (Date.now() > end) throw new Error(`importing the images was not done within ${fillingBound} s`);
  }
};

const socket = "/run/containerd/containerd.sock";
const configuration = `version = 3
root = "${inside.state}/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.nri.v1.nri"]
[grpc]
  address = "${socket}"
`;

/**
 * Content and layers are never written again, only removed, so links serve; databases are copied. Where links can't
 * (another file system), everything is copied.
 */
const linkTree = async (from: string, to: string): Promise<void> => {
  const { mode } = await stat(from);
  await mkdir(to, { recursive: true, mode });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.name.endsWith(".db")) await copyFile(source, target);
    else if (entry.isFile())
      await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
  }
};
