// Is every object of every layer fit for production, whatever its author thought of?
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Size } from "../../../components/size.ts";
import { images } from "../../../components/versions.ts";
import { type Implementation, implementations } from "../../implementations.ts";
import { checks, workloadsOf } from "./production-checks.ts";
import { type Declared, record } from "./recorder.ts";

// What an implementation names as its exception, with the reason, is no fault.
const judge = (lines: readonly string[], { exceptions = {} }: Implementation, used: Set<string>): string[] =>
  lines.filter((line) => {
    const found = Object.keys(exceptions).find((each) => line.startsWith(each));
    if (found) used.add(found);
    return !found;
  });

// One after the other: the recorder knows one program at a time.
const recorded: { implementation: Implementation; size: Size; resources: Declared[] }[] = [];
for (const implementation of implementations) {
  for (const size of implementation.sizes) {
    recorded.push({ implementation, size, resources: await record(() => implementation.declare(size)) });
  }
}

for (const implementation of implementations) {
  describe(implementation.name, () => {
    const used = new Set<string>();
    for (const { size, resources } of recorded.filter((each) => each.implementation === implementation)) {
      const workloads = workloadsOf(resources);
      test(`${size}: declares workloads`, () => assert.ok(workloads.length > 0));
      for (const [title, check] of Object.entries(checks)) {
        test(`${size}: ${title}`, () => {
          assert.deepEqual(judge(check(resources, workloads, size === Size.Ha), implementation, used), []);
        });
      }
    }
    test("names no exception that it does not need", () => {
      const needless = Object.keys(implementation.exceptions ?? {}).filter((each) => !used.has(each));
      assert.deepEqual(needless, []);
    });
  });
}

test("every image says when it was released, and no image stands anywhere else", () => {
  for (const { reference, released } of Object.values(images)) {
    assert.match(reference, /^[a-z0-9.-]+(\/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$/);
    assert.ok(Date.parse(released) < Date.now(), `${reference} ${released}`);
  }
});
