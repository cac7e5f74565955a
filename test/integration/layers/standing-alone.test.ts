// Each implementation in a stranger's program: its example is applied to a bare cluster, without Platform, and removed again.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "../../../engine/folders.ts";
import { programFolder } from "../../../engine/program-folder.ts";
import { allPrograms, programsFor, rowOf } from "../../../engine/programs.ts";
import { resolve } from "../../../engine/resolve.ts";
import { stopCluster } from "../../../local/cluster.ts";
import { imagesFor } from "../../../local/images.ts";
import { freshState, start } from "../../e2e/cluster-fixtures.ts";
import { programOn, type TestProgram } from "../../program.ts";

/** Those that the local platform can run: a row of a program names them. */
const implementations = [...new Set(allPrograms.flatMap((program) => rowOf(program).for ?? []))].filter((name) =>
  existsSync(join(root, "examples", `${name}.ts`)),
);

const state = freshState();
const kubeconfig = join(state, "kubeconfig", "ci.yaml");
let base: TestProgram | undefined;

before(async () => {
  await start(state, {
    programs: await programFolder((await resolve(programsFor(implementations))).values()),
    images: imagesFor(implementations),
    forwards: [],
  });
  base = await programOn({ file: "test/integration/layers/bare-cluster.ts", kubeconfig });
  await base.up();
});
after(async () => {
  await base?.remove();
  await stopCluster({ state, keep: false });
  rmSync(state, { recursive: true, force: true });
});

for (const implementation of implementations) {
  test(`${implementation}: applied, nothing left to change, removed`, async () => {
    const program = await programOn({ file: `examples/${implementation}.ts`, kubeconfig, implementations });
    try {
      // Pulumi waits for every workload: an up that ends well means that all of them are ready.
      await program.up();
      const { same, printed } = await program.preview();
      assert.ok(same, printed);
      await program.destroy();
    } finally {
      await program.remove();
    }
  });
}
