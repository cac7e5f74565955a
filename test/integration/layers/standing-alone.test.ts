// Each implementation in a stranger's program: its example is applied to a bare cluster, without Platform, and removed again.
// Examples that have no component in common are one program: none can see what another declares, and waits run side by side.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
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
  base = await programOn({ files: ["test/integration/layers/bare-cluster.ts"], kubeconfig });
  await base.up();
});
after(async () => {
  await base?.remove();
  await stopCluster({ state, keep: false });
  rmSync(state, { recursive: true, force: true });
});

/** Names of the components that an example makes. */
const componentsOf = (name: string): string[] => {
  const [, names = ""] =
    /import \{([^}]*)\} from "\.\.\/components\/index\.ts"/.exec(
      readFileSync(join(root, "examples", `${name}.ts`), "utf8"),
    ) ?? [];
  return names.split(",").map((each) => each.trim());
};

const groups: { names: string[]; components: Set<string> }[] = [];
for (const name of implementations) {
  const components = componentsOf(name);
  const group = groups.find((each) => components.every((component) => !each.components.has(component)));
  if (group) {
    group.names.push(name);
    for (const component of components) group.components.add(component);
  } else groups.push({ names: [name], components: new Set(components) });
}

for (const { names } of groups) {
  test(`${names.join(", ")}: applied, nothing left to change, removed`, async () => {
    const files = names.map((name) => `examples/${name}.ts`);
    const program = await programOn({ files, kubeconfig, implementations });
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
