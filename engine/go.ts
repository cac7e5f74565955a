// How is Go called, so that the result depends on the pins alone and nothing is written outside the cache folder?
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { execa, execaSync } from "execa";
import { EngineError } from "./errors.ts";
import { cacheFolder, root } from "./folders.ts";
import { findOnPath, older } from "./installed.ts";

/** A Go toolchain, ready to be called. */
export interface Go {
  readonly path: string;
  /** Version of the installed toolchain, without `go`. */
  readonly installed: string;
  /** Complete: pass it with `extendEnv: false`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Where modules come from is the person's choice; everything else about Go's environment is ours. */
const kept = ["GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH"] as const;

/** Upstream serves this pseudo-version by the module proxy alone; the checksum database does not know it. Its sums are in our go.sum. */
const notInSumDatabase = "github.com/pulumi/pulumi-kubernetes/provider/v4";

/** The Go on PATH or in its usual place, if any. */
export const goOnMachine = (): string | undefined => findOnPath("go", ["/usr/local/go/bin", "/usr/lib/go/bin"]);

/** Version of the installed Go, without `go`. */
export function goVersion(): string | undefined {
  const path = goOnMachine();
  return path && settings(path).GOVERSION.replace(/^go/, "").split(" ")[0];
}

/** Prepares Go for building the module in `folder`. */
export function prepareGo(folder: string): Go {
  const path = goOnMachine();
  const wanted = requiredGo(folder);
  if (!path)
    throw new EngineError(
      "NO_GO",
      `Go is not installed, and ${folder} must be built.`,
      `Install Go ${wanted} or later (https://go.dev/dl), or let the programs be downloaded (PLUMBLINE_SOURCES=path,download).`,
    );
  const person = settings(path);
  const installed = goVersion() ?? "";
  const old = older(installed, wanted);
  if (old && older(installed, "1.21"))
    throw new EngineError(
      "GO_TOO_OLD",
      `${path} is Go ${installed}; Go ${wanted} is needed, and Go before 1.21 cannot fetch another.`,
      `Install Go ${wanted} or later (https://go.dev/dl).`,
    );
  const go = join(cacheFolder(), "go");
  const environment: Record<string, string> = {
    ...machine(),
    GOENV: "off",
    XDG_CONFIG_HOME: join(go, "config"), // Go's telemetry counters go where its configuration is
    GOPATH: join(go, "path"),
    GOMODCACHE: join(go, "mod"),
    GOCACHE: join(go, "build"),
    GOFLAGS: "-modcacherw",
    GOWORK: "off",
    GOTOOLCHAIN: old ? "auto" : "local",
    CGO_ENABLED: "0",
  };
  for (const name of kept) if (person[name]) environment[name] = person[name];
  environment.GONOSUMDB = [person.GONOSUMDB, notInSumDatabase].filter(Boolean).join(",");
  return { path, installed, environment };
}

/** A module that Go is to be called in. */
export interface GoCall {
  readonly go: Go;
  readonly module: string;
  /** What Go prints is appended here. */
  readonly log: string;
  /** Existing folder for what Go throws away at the end. */
  readonly temporary: string;
  readonly signal: AbortSignal;
}

/** Runs go in a module; its lines go to `onLine` as they come and to the log. Gives the lines of stdout. */
export async function runGo(call: GoCall, args: readonly string[], onLine?: (line: string) => void): Promise<string[]> {
  const [command, ...rest] = leashed(call.go.path, args);
  const child = execa(command, rest, {
    cwd: call.module,
    extendEnv: false,
    env: { ...call.go.environment, GOTMPDIR: call.temporary },
    stdin: "ignore",
    reject: false,
    lines: true,
    cancelSignal: call.signal,
    killSignal: "SIGINT", // on which Go ends its compilers and removes what it threw aside
    forceKillAfterDelay: 5_000,
    stderr: ["pipe", { file: call.log, append: true }],
  });
  if (onLine && child.stderr)
    createInterface(child.stderr).on("line", (line) => !line.startsWith("go: ") && onLine(line));
  const result = await child;
  call.signal.throwIfAborted();
  if (!result.failed) return result.stdout;
  const tail = result.stderr
    .filter((line) => !/^(go: downloading|[\w.-]+(\/[\w.~-]+)*$)/.test(line))
    .slice(-12)
    .join("\n");
  if (/no space left on device|disk quota exceeded/i.test(tail))
    throw Object.assign(new Error(tail), { code: "ENOSPC" });
  throw new EngineError(
    "BUILD_FAILED",
    `go ${args[0]} in ${relative(root, call.module) || call.module} failed (${result.shortMessage?.split("\n")[0]?.slice(0, 120)}):\n${tail}`,
    /dial tcp|lookup |TLS|timeout|connection re/i.test(tail)
      ? `Go could not fetch modules. Set GOPROXY to a module proxy that answers here, and run the same command again. Log: ${call.log}`
      : `Log: ${call.log}`,
  );
}

/** Dies with us where the system can arrange that, so that no build outlives a killed start. */
const leashed = (command: string, args: readonly string[]): [string, ...string[]] => {
  const setpriv = process.platform === "linux" ? findOnPath("setpriv", ["/usr/bin"]) : undefined;
  return setpriv ? [setpriv, "--pdeathsig", "INT", command, ...args] : [command, ...args];
};

/** The Go version that the module in `folder` asks for. */
export const requiredGo = (folder: string): string =>
  /^go (\S+)/m.exec(readFileSync(join(folder, "go.mod"), "utf8"))?.[1] ?? "1.26.0";

/** What a child of Go may see of the machine: enough to reach proxies and Git, nothing that changes the output. */
function machine(): Record<string, string> {
  const changes = /^(GO|CGO_|CC$|CXX$|PKG_CONFIG|NODE_OPTIONS$)/;
  const entries = Object.entries(process.env).filter(([name, value]) => value !== undefined && !changes.test(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

type Settings = Record<string, string> & { GOVERSION: string };
const asked = new Map<string, Settings>();

/** The person's own settings, from the environment and their Go configuration file, which is read and not written. */
function settings(path: string): Settings {
  let answer = asked.get(path);
  if (!answer) {
    const configuration = process.env.XDG_CONFIG_HOME || join(homedir(), ".config");
    const { stdout } = execaSync(path, ["env", "-json", "GOVERSION", ...kept], {
      cwd: "/",
      env: {
        GOENV: process.env.GOENV || join(configuration, "go", "env"),
        XDG_CONFIG_HOME: join(cacheFolder(), "go", "config"),
        GOTOOLCHAIN: "local",
        GOFLAGS: "",
      },
    });
    answer = JSON.parse(stdout) as Settings;
    asked.set(path, answer);
  }
  return answer;
}
