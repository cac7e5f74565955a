// How does a program come from its vendor? Fetched with the checksum that the vendor publishes beside it.
import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { chmodSync, createWriteStream, mkdirSync, renameSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import { EngineError } from "./errors.ts";
import { cacheFolder } from "./folders.ts";
import { withLock } from "./lock.ts";
import { type Download, type Program, rowOf } from "./programs.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, sha256Of, store } from "./store.ts";

/** Milliseconds that a vendor's host has to accept a connection; then it is left alone for the rest of the run. */
const patience = 3_000;

/** Where a download lies in the cache. */
export function downloadFolder(program: Program): string | undefined {
  const source = sourceOf(program);
  if (!source) return undefined;
  const key = createHash("sha256").update(JSON.stringify(source)).digest("hex").slice(0, 16);
  return join(cacheFolder(), "downloads", basename(new URL(source.url).pathname), key);
}

/** A program's file within its downloaded folder. */
export function downloadedPath(program: Program): string | undefined {
  const folder = downloadFolder(program);
  const { entry, download } = rowOf(program);
  if (!folder || !download) return undefined;
  return join(folder, entry ? inArch(entry, download) : program);
}

/**
 * Makes sure that the program is downloaded; gives its path, or undefined when its vendor cannot be reached from here.
 * A checksum that does not match, or an answer that is none, is an error: something else is being served.
 */
export async function download(program: Program, say: Say, signal: AbortSignal): Promise<string | undefined> {
  const source = sourceOf(program);
  const folder = downloadFolder(program);
  const path = downloadedPath(program);
  if (!source || !folder || !path) return undefined;
  if ((await conditionOf(folder)) === "good") {
    keepFresh(folder);
    return path;
  }
  if (!(await reachable(new URL(source.url))) || !(await reachable(new URL(source.sums)))) return undefined;
  return explained(cacheFolder(), () =>
    withLock(
      join(folder, "..", ".lock"),
      {
        purpose: `downloads ${program}`,
        signal,
        waiting: ({ pid }) => say(`process ${pid} downloads it already; waiting for that`),
      },
      async () => {
        if ((await conditionOf(folder)) !== "good")
          await store(folder, (aside) => fetchInto(aside, program, source, say, signal));
        return path;
      },
    ),
  );
}

interface Source {
  readonly url: string;
  readonly sums: string;
}

function sourceOf(program: Program): Source | undefined {
  const { download } = rowOf(program);
  if (!download || process.platform !== "linux") return undefined;
  const mirror = process.env.PLUMBLINE_DOWNLOAD_MIRROR;
  const at = (address: string): string => {
    const url = inArch(address, download);
    return mirror ? `${mirror.replace(/\/$/, "")}/${url.replace(/^https:\/\//, "")}` : url;
  };
  return { url: at(download.url), sums: at(download.sums) };
}

const inArch = (text: string, download: Download): string => {
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  return text.replaceAll("{arch}", download.arch?.[arch] ?? arch);
};

async function fetchInto(
  aside: string,
  program: Program,
  source: Source,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const name = basename(new URL(source.url).pathname);
  const sums = await (await answer(source.sums, signal)).text();
  const wanted = sumOf(name, sums);
  if (!wanted)
    throw new EngineError(
      "DOWNLOAD_REFUSED",
      `${source.sums} names no SHA-256 for ${name}.`,
      "Run again with PLUMBLINE_SOURCES=path,build to build it from source.",
    );
  const response = await answer(source.url, signal);
  const total = Number(response.headers.get("content-length")) || undefined;
  const file = join(aside, name);
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      say(`${mebibytes(bytes)}${total ? ` of ${mebibytes(total)}` : ""} MiB`);
      done(null, chunk);
    },
  });
  if (!response.body) throw new Error(`${source.url} answered without content`);
  await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(file), { signal });
  const found = await sha256Of(file);
  if (found !== wanted)
    throw new EngineError(
      "DOWNLOAD_REFUSED",
      `${source.url} has SHA-256 ${found}, but its vendor publishes ${wanted}; it was not used.`,
      "Try again later, or run with PLUMBLINE_SOURCES=path,build to build it from source.",
    );
  if (/\.t(ar\.)?gz$/.test(name)) {
    await extract({ file, cwd: aside });
    rmSync(file);
  } else {
    mkdirSync(join(aside, ".."), { recursive: true });
    renameSync(file, join(aside, program));
    chmodSync(join(aside, program), 0o755);
  }
}

async function answer(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal });
  if (response.ok) return response;
  throw new EngineError(
    "DOWNLOAD_REFUSED",
    `${url} answered ${response.status} ${response.statusText}.`,
    "Run again with PLUMBLINE_SOURCES=path,build to build it from source.",
  );
}

/** The sum of `name` in a list of sums, or the only one there is. */
export function sumOf(name: string, sums: string): string | undefined {
  const lines = sums
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const named = lines.find((line) => line.replace(/^\S+\s+\*?/, "").replace(/^\.\//, "") === name);
  const line = named ?? (lines.length === 1 && !/\s/.test(lines[0] ?? "") ? lines[0] : undefined);
  return /^([0-9a-f]{64})(\s|$)/i.exec(line ?? "")?.[1]?.toLowerCase();
}

const hosts = new Map<string, Promise<boolean>>();

/** Whether the host accepts connections; asked once a host and run. A proxy of the environment is not used. */
function reachable({ hostname, port, protocol }: URL): Promise<boolean> {
  const at = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  let known = hosts.get(at);
  if (!known) {
    known = connects(hostname, Number(port) || (protocol === "https:" ? 443 : 80));
    hosts.set(at, known);
  }
  return known;
}

async function connects(host: string, port: number): Promise<boolean> {
  const limit = AbortSignal.timeout(patience);
  const expired = new Promise<false>((resolve) => limit.addEventListener("abort", () => resolve(false)));
  const tried = lookup(host)
    .then(
      ({ address }) =>
        new Promise<boolean>((resolve) => {
          const socket = connect({ host: address, port, signal: limit });
          socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
          socket.once("connect", () => socket.destroy());
        }),
    )
    .catch(() => false);
  return Promise.race([tried, expired]);
}

const mebibytes = (bytes: number): string => (bytes / (1 << 20)).toFixed(1);
