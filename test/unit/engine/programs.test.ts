// Which programs a stack needs: those of the cluster always, those of a layer only where the stack has it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { layerBuilds } from "../../../engine/layer-programs.ts";
import { allPrograms, isNeeded, programsFor, rowOf } from "../../../engine/programs.ts";
import { images, imagesFor } from "../../../local/images.ts";

test("a row without `for` is always needed, one with it only by what it names", () => {
  assert.equal(isNeeded({}, []), true);
  assert.equal(isNeeded({ for: ["traefik", "gateway-api"] }, []), false);
  assert.equal(isNeeded({ for: ["traefik", "gateway-api"] }, ["flux", "gateway-api"]), true);
  assert.equal(isNeeded({ for: ["traefik"] }, ["traefik-mesh"]), false);
});

test("a stack without layers needs no program and no image of a layer", () => {
  const programs = programsFor([]);
  assert.ok(programs.includes("kubelet") && programs.includes("pause"));
  assert.deepEqual(
    programs.filter((program) => Object.keys(layerBuilds).includes(rowOf(program).build ?? "")),
    [],
  );
  assert.ok(imagesFor([]).every(({ program }) => (programs as string[]).includes(program)));
});

test("each implementation adds exactly the programs and images that name it", () => {
  const implementations = new Set(allPrograms.flatMap((program) => rowOf(program).for ?? []));
  for (const implementation of implementations) {
    const added = programsFor([implementation]).filter((program) => !programsFor([]).includes(program));
    assert.deepEqual(
      added,
      allPrograms.filter((program) => rowOf(program).for?.includes(implementation)),
    );
  }
  assert.deepEqual(programsFor([...implementations]), allPrograms);
  // The agent whose programs every cluster has names none; an image can ask for it beside its program.
  assert.deepEqual(imagesFor([...implementations, "flux"]), images);
});
