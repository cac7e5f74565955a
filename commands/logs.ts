// `plumbline logs`: the log of a program of the platform, or of the pods of an app.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { exit, Failure } from "./failure.ts";
import { kubectl } from "./kubectl.ts";
import { passThrough } from "./pass-through.ts";
import { readStatus } from "./status.ts";

export interface LogsOptions {
  readonly follow: boolean;
  readonly lines: string;
}

/** Prints the last lines, and goes on with `follow`. Without a name: the names there are. */
export const logs = async (name: string | undefined, { follow, lines }: LogsOptions): Promise<void> => {
  const state = stateFolder();
  const folder = stateLayout(state).log;
  const programs = await logFiles(folder);
  const file = programs.get(name ?? "");
  if (file) {
    await passThrough("tail", ["-n", lines, ...(follow ? ["-F"] : []), file], {});
    return;
  }
  const { apps } = await readStatus(state);
  const app = apps.find((each) => each.name === name);
  if (app) {
    const selector = [
      "--namespace",
      app.namespace,
      "--selector",
      anyPod,
      "--all-containers",
      "--max-log-requests",
      "50",
      "--prefix",
      "--tail",
      lines,
    ];
    return kubectl(["logs", ...selector, ...(follow ? ["--follow"] : [])]);
  }
  const known = `programs: ${[...programs.keys()].join(", ") || "none has run"}\napps: ${apps.map((each) => each.name).join(", ") || "none"}\n`;
  if (name === undefined) return void process.stdout.write(known);
  throw new Failure("NO_SUCH_LOG", `There is no program or app "${name}".\n${known}`, {
    wayOut: "name one of these",
    exitCode: exit.usage,
  });
};

// kubectl takes an empty selector for none; every pod lacks this label.
const anyPod = "!plumbline.dev/none";

const logFiles = async (folder: string): Promise<Map<string, string>> => {
  if (!(await stat(folder).catch(() => undefined))) return new Map();
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".log")).sort();
  return new Map(files.map((file) => [file.replace(/\.log$/, ""), join(folder, file)]));
};
