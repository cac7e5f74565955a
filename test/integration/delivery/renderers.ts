// How do these tests render? With the real programs, as the engine finds them, over repositories that they make.
import assert from "node:assert/strict";
import { type Rendering, type RenderRequest, render } from "../../../components/delivery/render.ts";
import { type Renderer, rendererVariables } from "../../../components/delivery/render-program.ts";
import { openRepository } from "../../../components/delivery/repository.ts";
import { resolve } from "../../../engine/resolve.ts";
import { type Files, repositoryWith } from "../../repositories.ts";

/** Names a program for everything in this process. */
export const rendererForTests = async (renderer: Renderer): Promise<void> => {
  const variable = rendererVariables[renderer];
  process.env[variable] ||= (await resolve([renderer])).get(renderer)?.path ?? "";
};

/** Renders the app in the folder `app` of a repository with some files. */
export const rendered = async (files: Files, request: Partial<RenderRequest> = {}): Promise<Rendering> => {
  const snapshot = await openRepository(repositoryWith(files).folder, { branch: "main" });
  try {
    return await render(snapshot, { name: "shop", namespace: "shop", path: "app", ...request });
  } finally {
    await snapshot.close();
  }
};

/** The message with which rendering is refused, behind repository and commit, which it must name. */
export const refusal = async (files: Files, request?: Partial<RenderRequest>): Promise<string> => {
  try {
    await rendered(files, request);
  } catch (error) {
    const { message } = error as Error;
    const [, commit, rest] = /^\/\S+ at commit ([0-9a-f]{12}): (.*)$/s.exec(message) ?? [];
    assert.ok(commit, `it names no repository and commit: ${message}`);
    return rest ?? "";
  }
  return assert.fail("it was rendered");
};

/** Objects in a line each, with where they come from. */
export const listed = ({ objects }: Rendering): string[] =>
  objects.map(
    ({ object: { kind, metadata }, file, line, hook }) =>
      `${kind} ${metadata.namespace}/${metadata.name} ${file}${line ? `:${line}` : ""}${hook ? ` ${hook}` : ""}`,
  );
