// Any repository, also a malformed one: what each agent's rendering and `plumbline diff` say of it, where, and how soon.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { diffsOf } from "../../../commands/diff.ts";
import type { Failure } from "../../../commands/failure.ts";
import type { RenderingAgent } from "../../../components/delivery/seen.ts";
import { app, argoCd, definePlatform, embedded, flux } from "../../../components/index.ts";
import { openJudge } from "../../../policies/judge.ts";
import { rules } from "../../../policies/rules/index.ts";
import { type Files, repositoryWith } from "../../repositories.ts";
import { celForTests } from "../policies/cel.ts";
import { cases } from "./malformed-cases.ts";
import { listed, rendered, rendererForTests } from "./renderers.ts";

before(async () => {
  await celForTests();
  await rendererForTests("kustomize");
});

/** Seconds that the worst of them may take, on a machine that does other things, too. */
const soon = 20;

const agents: readonly RenderingAgent[] = ["flux", "argo-cd"];
/** What keeps it from being rendered, behind the repository and the commit, which are named; undefined where nothing does. */
const refusalOf = async (files: Files, agent: RenderingAgent): Promise<string | readonly string[]> => {
  try {
    return listed(await rendered(files, { agent })).sort();
  } catch (error) {
    const { message } = error as Error;
    const [, place] = /^\/\S+ at commit [0-9a-f]{12}: (.*)$/s.exec(message) ?? [];
    return place ?? assert.fail(`it names no repository and commit: ${message}`);
  }
};

for (const agent of agents) {
  describe(`a repository as ${agent} renders it`, () => {
    for (const { what, files, ...expected } of cases) {
      it(what, async () => {
        const began = performance.now();
        const found = await refusalOf(files, agent);
        const wanted = agent === "argo-cd" ? (expected.argoCd ?? expected.flux) : expected.flux;
        if (wanted instanceof RegExp) assert.match(typeof found === "string" ? found : `rendered: ${found}`, wanted);
        else assert.deepEqual(found, wanted);
        assert.ok(performance.now() - began < soon * 1000, "it took too long");
      });
    }
  });
}

describe("plumbline diff", () => {
  it("says the same, with the way out, and exits with 1", async () => {
    const judge = await openJudge(rules);
    try {
      for (const agent of [flux(), argoCd()]) {
        for (const { what, files, ...expected } of cases.filter(({ flux: wanted }) => wanted instanceof RegExp)) {
          const wanted = agent.implementation === "argo-cd" ? (expected.argoCd ?? expected.flux) : expected.flux;
          if (!(wanted instanceof RegExp)) continue;
          const repository = repositoryWith({ "other/a.yaml": "" });
          const commit = repository.commit(files);
          const definition = definePlatform(
            {
              name: "p",
              git: { url: "https://git.example/p.git", branch: "main" },
              cluster: embedded(),
              apps: [app({ name: "shop", source: { path: "app" } })],
            },
            { agent },
          );
          await assert.rejects(diffsOf(definition, undefined, { repository: repository.folder }, judge), (error) => {
            const { code, message, exitCode, wayOut } = error as Failure;
            assert.deepEqual([code, exitCode], ["NOT_RENDERED", 1], `${what}: ${message}`);
            const start = `${repository.folder} at commit ${commit.slice(0, 12)}: `;
            assert.ok(message.startsWith(start), `${what}: ${message}`);
            assert.match(message.slice(start.length), wanted, what);
            assert.ok(wayOut, what);
            return true;
          });
        }
      }
    } finally {
      judge.close();
    }
  });
});
