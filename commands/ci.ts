// `plumbline ci github|gitlab`: the pipeline of the stacks that CI applies, made from what they declare.
import { loadStack } from "../stacks/shared/load.ts";
import { githubWorkflow } from "./ci-github.ts";
import { gitlabPipeline } from "./ci-gitlab.ts";
import { ciStackOf } from "./ci-jobs.ts";

/** Where the jobs run. */
export type CiHost = "github" | "gitlab";

/** Options of the verb. */
export interface CiOptions {
  readonly stack: readonly string[];
  /** Label of GitHub's runner: one in the network of the cluster, where its endpoint is private. */
  readonly runner: string;
}

/** The pipeline as text. @throws InvalidDeclaration where CI has no role for a stack */
export const pipelineOf = async (host: CiHost, { stack, runner }: CiOptions): Promise<string> => {
  const stacks = await Promise.all(stack.map(async (name) => ciStackOf(name, await loadStack(name))));
  return host === "github" ? githubWorkflow(stacks, runner) : gitlabPipeline(stacks);
};

/** Writes it to standard output. */
export const ci = async (host: CiHost, options: CiOptions): Promise<void> => {
  process.stdout.write(await pipelineOf(host, options));
};
