// A clone of this repository as it stands in the working tree, for tests that start and stop platforms as a person does.
import { cp, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { root } from "../engine/folders.ts";

/** How a command ended. */
export interface Finished {
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as a terminal shows them. */
  readonly all: string;
}

/** A clone, and the commands a person gives in it. */
export interface Clone {
  readonly folder: string;
  /** Runs `plumbline <args>` there; never throws on an exit code. */
  readonly plumbline: (
    args: readonly string[],
    options?: { signal?: AbortSignal; environment?: Readonly<Record<string, string>> },
  ) => Promise<Finished>;
  /** What `plumbline status --json` says. */
  readonly status: () => Promise<Status>;
  /** Stops its platform and removes it. */
  readonly remove: () => Promise<void>;
}

/** The contract of `status --json`. */
export interface Status {
  readonly phase: "running" | "starting" | "stopped" | "degraded";
  readonly platform: string;
  readonly stack: string;
  readonly kubeconfig: { readonly developer: string; readonly ci: string };
  readonly api: { readonly url: string };
  readonly git: { readonly url: string; readonly branch: string; readonly example: string };
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[];
  readonly layers: readonly {
    readonly slot: string;
    readonly implementation: string;
    readonly version: string;
    readonly ready: boolean;
    readonly url: string;
    readonly message?: string;
  }[];
  readonly apps: readonly {
    readonly name: string;
    readonly namespace: string;
    readonly url: string;
    readonly commit: string;
    readonly healthy: boolean;
    readonly model: string;
    readonly agent: string;
    readonly message?: string;
    readonly reverted?: { readonly what: string; readonly at: string };
  }[];
  readonly deployment?: {
    readonly revision: string;
    readonly clean: boolean;
    readonly actor: string;
    readonly at: string;
  };
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly since: string;
    readonly restarts: number;
  }[];
}

/** The clone that {@link cloneHere} made in this folder. */
export const cloneAt = (folder: string): Clone => {
  const plumbline: Clone["plumbline"] = (args, options = {}) =>
    execa(process.execPath, [join(folder, "launch.mjs"), ...args], {
      cwd: folder,
      // The clone's own state folder, whatever this run was started with.
      env: { PLUMBLINE_STATE: "", NO_COLOR: "1", ...options.environment },
      stdin: "ignore",
      reject: false,
      all: true,
      ...(options.signal ? { cancelSignal: options.signal } : {}),
    });
  return {
    folder,
    plumbline,
    status: async () => JSON.parse(String((await plumbline(["status", "--json"])).stdout)) as Status,
    remove: async () => {
      await plumbline(["stop"]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Makes a clone with every file that Git would know, and the packages of this one. */
export const cloneHere = async (name: string): Promise<Clone> => {
  const folder = join(root, ".plumbline", `test-${process.pid}-${name}`);
  await rm(folder, { recursive: true, force: true });
  const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  const files = stdout.split("\0").filter(Boolean);
  for (const parent of new Set(files.map((file) => dirname(join(folder, file)))))
    await mkdir(parent, { recursive: true });
  await Promise.all(
    files.map((file) => cp(join(root, file), join(folder, file), { verbatimSymlinks: true }).catch(gone)),
  );
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  for (const args of [
    ["init", "--quiet", "--initial-branch=main"],
    ["add", "--all"],
    ["commit", "--quiet", "--message=clone"],
  ]) {
    await execa("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], { cwd: folder });
  }
  return cloneAt(folder);
};

// A file that Git still lists but that was deleted in the working tree.
const gone = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "ENOENT") throw error;
};

/** The running platform that this test run shares; its folder is handed to each test file. */
export const sharedClone = (): Clone => {
  const folder = process.env.PLUMBLINE_TEST_CLONE;
  if (!folder) throw new Error("PLUMBLINE_TEST_CLONE is unset: run these tests by `npm test`");
  return cloneAt(folder);
};

/** Asks again until the answer is right, or fails with the last one. */
export const eventually = async <T>(
  what: string,
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  seconds = 60,
): Promise<T> => {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    let answer: T | undefined;
    let failure: unknown;
    try {
      answer = await ask();
      if (right(answer)) return answer;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > until) {
      throw new Error(`${what}: not within ${seconds} s; last: ${failure ? String(failure) : JSON.stringify(answer)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
