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
  const layout = stateLayout(state);
  await passThrough(program.path, rest, {
    KUBECONFIG: layout.kubeconfig.developer,
    KUBECACHEDIR: join(layout.cluster, "kubectl-cache"),
  });
  if (process.exitCode && rest.some((word) => writing.has(word))) {
    process.stderr.write(
      `\nThis cluster takes changes from Git alone. An app: edit its manifests in ${layout.example}, commit, push.\n` +
        "The platform: edit its stack in stacks/, commit; plumbline pulumi preview shows what will change.\n",
    );
  }
};

/** Words that ask for a change or for a way into a running program. */
const writing = new Set(
  (
    "annotate apply attach autoscale cordon cp create debug delete drain edit exec expose label patch port-forward " +
    "proxy replace restart rollout run scale set taint uncordon undo"
  ).split(" "),
);
