// kubectl with a kubeconfig of one's own, for tests that act past Pulumi and past Git.
import { execa } from "execa";
import { build } from "../engine/builds.ts";

/** kubectl by arguments and standard input; throws with what it printed. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

/** kubectl of the pinned release with this kubeconfig. */
export const kubectlWith = async (kubeconfig: string): Promise<Kubectl> => {
  const folder = await build("kubernetes", () => {}, new AbortController().signal);
  return async (args, input) => {
    const { stdout } = await execa(`${folder}/kubectl`, ["--kubeconfig", kubeconfig, ...args], {
      ...(input === undefined ? { stdin: "ignore" } : { input }),
    });
    return stdout;
  };
};
