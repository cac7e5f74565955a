// What answers in the place of AWS? moto, a program that keeps what it is told in memory, on an address of this machine alone.
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { cacheFolder } from "../engine/folders.ts";
import { findOnPath } from "../engine/installed.ts";
import { withLock } from "../engine/lock.ts";

const version = "5.2.1";

/** The stand-in, while it runs. */
export interface Moto {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Why it cannot run here; undefined where it can. */
export const whyNoMoto = (): string | undefined =>
  findOnPath("python3", ["/usr/bin"]) ? undefined : "python3 is not on PATH, and moto is a program in Python";

/** Python with moto, in the cache folder: installed from its package the first time. */
const installed = async (): Promise<string> => {
  const folder = join(cacheFolder(), "python", `moto-${version}`);
  const python = join(folder, "bin", "python");
  const parent = join(folder, "..");
  await mkdir(parent, { recursive: true });
  await withLock(
    join(parent, ".lock"),
    { purpose: "installs moto", signal: AbortSignal.timeout(600_000), waiting: () => undefined },
    async () => {
      if (existsSync(folder)) return;
      const aside = `${folder}.new`;
      await rm(aside, { recursive: true, force: true });
      await execa("python3", ["-m", "venv", aside]);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `moto[server]==${version}`];
      await execa(join(aside, "bin", "python"), pip);
      await rename(aside, folder);
    },
  );
  return python;
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Starts it. @throws Error with what it printed, where it ends or does not answer within a minute */
export const startMoto = async (): Promise<Moto> => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = execa(await installed(), ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    // Roles are given policies of AWS, which it knows and does not load by itself.
    env: { MOTO_IAM_LOAD_MANAGED_POLICIES: "true" },
    reject: false,
    all: true,
    buffer: true,
    cleanup: true,
  });
  let ended = false;
  void child.then(() => {
    ended = true;
  });
  for (const end = Date.now() + 60_000; ; await sleep(100)) {
    if (ended || Date.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`moto does not answer at ${url}:\n${(await child).all}`);
    }
    const answer = await fetch(`${url}/moto-api/`).catch(() => undefined);
    if (answer?.ok) break;
  }
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await child;
    },
  };
};
