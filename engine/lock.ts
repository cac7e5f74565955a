// Who may work on this alone? A lock between processes that a dead holder cannot keep.
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, type ProcessIdentity, thisProcess } from "./processes.ts";

/** Who holds a lock. */
export interface Holder extends ProcessIdentity {
  /** What the holder does, for the message of those who wait. */
  readonly purpose: string;
}

export interface LockOptions {
  /** What this process wants the lock for; others read it while they wait. Default: the command line. */
  readonly purpose?: string;
  /** Called when another live process holds the lock: once per holder. Throw here to give up instead of waiting. */
  readonly waiting: (holder: Holder) => void;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Does the work while no other process (and no other call in this one) holds the lock at `path`.
 *
 * `path` becomes a folder of numbered claims, and the highest number decides: it is held while its process lives and has
 * not released it. Taking over is creating the next number, which the file system grants to exactly one, so a lock of a
 * dead process needs no deletion that could hit a newer holder.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  mkdirSync(path, { recursive: true });
  const me: Holder = { ...thisProcess(), purpose: options.purpose ?? process.argv.slice(1).join(" ") };
  let toldOf = -1;
  let claim: number | undefined;
  for (;;) {
    const top = claims(path).at(-1) ?? 0;
    const holder = holderOf(path, top);
    if (holder) {
      if (toldOf !== top) options.waiting(holder);
      toldOf = top;
      await sleep(100, undefined, { ...(options.signal && { signal: options.signal }) }).catch(() => {
        throw options.signal?.reason;
      });
      continue;
    }
    options.signal?.throwIfAborted();
    claim = tryClaim(path, top + 1, me);
    if (claim) break;
  }
  try {
    return await work();
  } finally {
    // The claim stays as the highest number, empty: deleting it would let a slow contender start again below a newer one.
    const released = join(path, `.released-${me.pid}-${claim}`);
    writeFileSync(released, "");
    renameSync(released, join(path, String(claim)));
  }
}

/** Who holds the lock at `path` now, if anybody. */
export const lockHolder = (path: string): Holder | undefined => holderOf(path, claims(path).at(-1) ?? 0);

function tryClaim(path: string, number: number, me: Holder): number | undefined {
  const aside = join(path, `.claim-${me.pid}-${number}-${Math.random().toString(36).slice(2)}`);
  writeFileSync(aside, JSON.stringify(me));
  try {
    linkSync(aside, join(path, String(number))); // fails when it exists, and never shows half a file
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  const all = claims(path);
  if (all.at(-1) !== number) {
    rmSync(join(path, String(number)), { force: true }); // we looked before others went past this number
    return undefined;
  }
  for (const old of all.slice(0, -1)) rmSync(join(path, String(old)), { force: true });
  for (const name of readdirSync(path)) {
    const pid = Number(/^\.(?:claim|released)-(\d+)-/.exec(name)?.[1]);
    if (pid && pid !== me.pid && !alive(pid)) rmSync(join(path, name), { force: true });
  }
  return number;
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const claims = (path: string): number[] => {
  try {
    return readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
};

function holderOf(path: string, number: number): Holder | undefined {
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(join(path, String(number)), "utf8"));
  } catch {
    return undefined; // released, or cut off by a crash of the machine
  }
  return isAlive(holder) ? holder : undefined;
}
