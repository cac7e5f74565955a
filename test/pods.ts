// Which processes of this machine are the containers of a pod? Found by its cgroup, whichever platform the pod is of.
import { readdirSync, readFileSync } from "node:fs";

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // a process that has ended meanwhile
  }
};

/** The processes of a pod's containers, without the one that holds its namespaces. */
export const processesOf = (uid: string): number[] =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/cgroup`).includes(`/pod${uid}/`))
    .filter((pid) => read(`/proc/${pid}/cmdline`).split("\0")[0] !== "/pause")
    .map(Number);

/** Kills the processes of a pod's containers; one that ended by itself in the meantime is as good. */
export const killPod = (uid: string): number => {
  const processes = processesOf(uid);
  for (const pid of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
  return processes.length;
};
