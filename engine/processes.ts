// Is this still the process that was meant? A PID alone is reused; a PID with its start time is not.
import { readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one with the same PID. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process (`/proc/<pid>/stat`, field 22); 0 where there is no `/proc`. */
  readonly started: number;
}

/** When a process started, in clock ticks since boot. Undefined when there is none, or when only its zombie is left. */
export function startTimeOf(pid: number): number | undefined {
  if (process.platform !== "linux") return signalReaches(pid) ? 0 : undefined;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // Field 2 is the command in parentheses and may itself hold spaces and parentheses: count from the last one.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : Number(rest[18]);
}

/** Whether exactly this process still runs. */
export const isAlive = ({ pid, started }: ProcessIdentity): boolean => startTimeOf(pid) === started;

/** The process that asks. */
export const thisProcess = (): ProcessIdentity => ({ pid: process.pid, started: startTimeOf(process.pid) ?? 0 });

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it is there, and not ours
  }
}
