// With which programs do commands render and judge apps? Those that the engine finds, named by the renderer's variables.
import { join } from "node:path";
import { rendererVariables } from "../components/delivery/render-program.ts";
import { helmOf, type RenderingAgent } from "../components/delivery/seen.ts";
import { stateLayout } from "../engine/folders.ts";
import { resolve } from "../engine/resolve.ts";
import { type Judge, openJudge } from "../policies/judge.ts";
import { rules } from "../policies/rules/index.ts";
import { Failure } from "./failure.ts";
import { findRemotes } from "./remotes.ts";

/** Finds what every rendering of a stack needs, and starts who judges what was rendered. */
export const openRenderers = async (state: string, stack: string): Promise<Judge> => {
  const programs = await resolve(["kustomize", "plumbline-cel"]);
  process.env[rendererVariables.kustomize] ||= programs.get("kustomize")?.path ?? "";
  process.env.PLUMBLINE_CEL ||= programs.get("plumbline-cel")?.path ?? "";
  process.env.PLUMBLINE_RENDERINGS ||= join(state, "renderings");
  process.env.PLUMBLINE_REPOSITORIES ||= stateLayout(state).git;
  findRemotes(stack);
  return openJudge(rules);
};

/** Finds the Helm of an agent: only where there is a chart, since it takes long to build. */
export const needHelm = async (agent: RenderingAgent): Promise<void> => {
  const helm = helmOf[agent];
  process.env[rendererVariables.helm] ||= (await resolve([helm])).get(helm)?.path ?? "";
};

/** What keeps an app from being read or rendered, as a failure of a command; anything else as it is. */
export const renderFailure = (error: unknown, wayOut: string): unknown => {
  const { name, message } = error as Error;
  return ["SourceError", "RenderError", "ManifestError"].includes(name)
    ? new Failure("NOT_RENDERED", message, { wayOut, cause: error })
    : error;
};
