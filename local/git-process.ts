// How the Git server runs: a process of the control plane's machine, on the address that pods reach.
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root, stateLayout } from "../engine/folders.ts";
import { repository } from "./example.ts";
import { addresses } from "./network.ts";
import { environment, type Forward, inside, type Mount, type ProcessSpec } from "./spec.ts";

const port = 3000;
const source = "/run/plumbline/source";

/** The process, the folders that it sees beside the state, and the port of the host that leads to it. */
export const gitServerParts = async (): Promise<{ process: ProcessSpec; mounts: Mount[]; forward: Forward }> => {
  const { git } = stateLayout(inside.state);
  return {
    process: {
      name: "git-server",
      argv: [
        "/run/plumbline/node/node",
        `${source}/local/git-server.ts`,
        ...["--root", git, "--address", addresses.controlPlane, "--port", String(port), "--token", join(git, "token")],
        ...["--kubeconfig", `${inside.state}/cluster/control-plane/git-notifier.yaml`],
      ],
      // It serves a handful of people: a small heap keeps the platform within its memory.
      env: environment("NODE_OPTIONS=--max-old-space-size=64 --max-semi-space-size=1"),
      ready: { http: `http://${addresses.controlPlane}:${port}/healthz`, timeoutSeconds: 30 },
    },
    mounts: [
      { source: dirname(await realpath(process.execPath)), target: "/run/plumbline/node", readOnly: true },
      { source: join(root, "local"), target: `${source}/local`, readOnly: true },
      { source: join(root, "package.json"), target: `${source}/package.json`, readOnly: true },
      // Node looks for packages in the folders above the program.
      { source: await realpath(join(root, "node_modules")), target: "/run/plumbline/node_modules", readOnly: true },
    ],
    forward: { name: "git", listen: "127.0.0.1:13000", target: `${addresses.controlPlane}:${port}` },
  };
};

/** URL of the repository as the host reaches it, through this forward's address. */
export const gitUrl = (address: string): string => `http://${address}/${repository}`;
