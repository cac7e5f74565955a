// `plumbline kubectl`: kubectl as `developer`, who reads and does not write: the way to change something is Git.

import { join } from "node:path";
import { stateFolder, stateLayout } from "../engine/folders.ts";
import { resolve } from "../engine/resolve.ts";
import { readCluster } from "../local/cluster-status.ts";
import { Failure } from "./failure.ts";
import { passThrough } from "./pass-through.ts";

/** Runs kubectl with the given arguments; its exit code becomes ours. */
export const kubectl = async (rest: readonly string[]): Promise<void> => {
  const state = stateFolder();
  if (!readCluster(state)) {
    throw new Failure("NOT_RUNNING", "The local platform of this clone is not running.", { wayOut: "npm start" });
  }
  const programs = await resolve(["kubectl"]);
  const program = programs.get("kubectl");
  if (!program) throw new Failure("NO_PROGRAM", "kubectl was not found.", { wayOut: "plumbline doctor" });
  await passThrough(program.path, rest, {
    KUBECONFIG: stateLayout(state).kubeconfig.developer,
    KUBECACHEDIR: join(stateLayout(state).cluster, "kubectl-cache"),
  });
};
