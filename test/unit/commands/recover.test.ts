// Is a state with holes told from a whole one, and does a recovery say what became of each object?
import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionOf } from "../../../commands/lost-state.ts";
import { report } from "../../../commands/recover.ts";

const urn = (type: string, name: string) => `urn:pulumi:local::plumbline::${type}::${name}`;
const stack = { urn: urn("pulumi:pulumi:Stack", "plumbline-local") };
const provider = { urn: urn("pulumi:providers:kubernetes", "k8s"), parent: stack.urn };
const map = {
  urn: urn("kubernetes:core/v1:ConfigMap", "map"),
  parent: stack.urn,
  provider: `${provider.urn}::4f0c1e2a`,
  dependencies: [provider.urn],
};
const condition = (...resources: object[]) => conditionOf(JSON.stringify({ version: 3, deployment: { resources } }));

test("a whole state is whole, and one without resources is empty", () => {
  assert.deepEqual(condition(stack, provider, map), { is: "whole", resources: 3 });
  for (const each of [condition(), condition(stack), conditionOf('{"version":3,"deployment":null}')])
    assert.equal(each.is, "empty");
});

test("a state that lost a resource which another needs is damaged, and both are named", () => {
  assert.deepEqual(condition(stack, map), {
    is: "damaged",
    why: "kubernetes:core/v1:ConfigMap map needs pulumi:providers:kubernetes k8s, which is not in it",
  });
  assert.equal(condition(provider, map).is, "damaged");
});

test("what was adopted, missing, made again and left over is told apart", () => {
  const object = (name: string, uid: string) => ({ name, uid, object: { metadata: { name } } });
  const before = [object("A", "1"), object("B", "2"), object("D", "4")];
  const after = [object("A", "1"), object("B", "22"), object("C", "3"), object("D", "4")];
  const told = report(before, after, new Set(["A", "B", "C"]));
  assert.match(told, /1 objects are in the new state/);
  assert.match(told, /missing before, and made now:\n {4}C\n/);
  assert.match(told, /made again:\n {4}B\n/);
  assert.match(told, /declared by nobody: [^\n]*:\n {4}D\n/);
});
