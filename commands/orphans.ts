// Plug-ins whose Pulumi was killed: they would look for it for minutes before they end by themselves.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stateLayout } from "../engine/folders.ts";

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // it has ended meanwhile, or this system has no /proc
  }
};

/** Ends those of the platform of a state folder; the plug-ins of a Pulumi that runs are left alone. */
export const endOrphans = (state: string): void => {
  const plugins = join(stateLayout(state).pulumi, "home", "plugins");
  let processes: string[] = [];
  try {
    processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {} // no /proc here
  for (const pid of processes) {
    if (!read(`/proc/${pid}/cmdline`).startsWith(`${plugins}/`)) continue;
    const parent = /^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1];
    if (read(`/proc/${parent}/comm`).trim() === "pulumi") continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
};
