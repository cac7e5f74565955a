import assert from "node:assert/strict";
import { test } from "node:test";
import { copiesOf } from "../../../components/delivery/copies.ts";
import { App, app, Flux } from "../../../components/index.ts";
import { named, ofKind, record } from "./recorder.ts";

const names = (count: number) => Array.from({ length: count }, (_, index) => `app-${index}`);
const declare = (name: string, dependsOn: string[] = []) =>
  app({ name, source: { path: `apps/${name}` }, ...(dependsOn.length > 0 && { dependsOn }) });
const one = () => "one";
const sizes = (copies: ReadonlyMap<string, number>) =>
  [...Map.groupBy(copies.values(), (copy) => copy).values()].map(({ length }) => length);

test("few apps of a source have one copy, a hundred have seven, a thousand have 32, none fuller than the others", () => {
  const count = (many: number) =>
    sizes(
      copiesOf(
        names(many).map((name) => declare(name)),
        one,
      ),
    );
  assert.deepEqual(count(16), [16]);
  assert.deepEqual(count(17), [16, 1]);
  assert.equal(count(100).length, 7);
  assert.equal(count(1000).length, 32);
  assert.equal(Math.max(...count(1000)), 32);
});

test("each source is counted for itself", () => {
  const apps = names(32).map((name) => declare(name));
  const half = (each: { name: string }) => String(Number(each.name.slice(4)) % 2);
  assert.deepEqual(sizes(copiesOf(apps, half)), [32]);
});

test("apps that wait for each other share a copy, however far apart they are declared", () => {
  const apps = names(40).map((name, index) => declare(name, index === 39 ? ["app-20"] : index === 20 ? ["app-1"] : []));
  const copies = copiesOf(apps, one);
  assert.equal(copies.get("app-39"), copies.get("app-1"));
  assert.equal(copies.get("app-20"), copies.get("app-1"));
  assert.ok(new Set(copies.values()).size > 1);
});

test("an app more moves at most one app of each copy", () => {
  const before = names(100).map((name) => declare(name));
  const [was, is] = [copiesOf(before, one), copiesOf([declare("first"), ...before], one)];
  const moved = before.filter(({ name }) => was.get(name) !== is.get(name));
  assert.ok(moved.length <= 7, `${moved.length} moved`);
});

test("Flux declares a source for each copy, and the first as it was without any", async () => {
  const args = (path: string) => ({ repository: "http://git.example/platform.git", path });
  const alone = await record(() => void new App("a", args("a"), { agent: new Flux("agent", {}) }));
  const both = await record(() => {
    const agent = new Flux("agent", {});
    new App("a", args("a"), { agent });
    const copy = {
      deliver: ((name, delivery, opts) => agent.deliver(name, { ...delivery, copy: 1 }, opts)) as Flux["deliver"],
    };
    new App("b", args("b"), { agent: copy });
    new App("c", args("c"), { agent: copy });
  });
  const [first] = ofKind(alone, "GitRepository");
  const sources = ofKind(both, "GitRepository");
  assert.equal(sources.length, 2);
  assert.deepEqual(sources[0]?.inputs, first?.inputs);
  assert.deepEqual(sources[1]?.inputs.spec, first?.inputs.spec);
  const of = (app: string) => named(both, "Kustomization", app).spec.sourceRef.name;
  assert.equal(of("a"), first?.inputs.metadata.name);
  assert.notEqual(of("b"), of("a"));
  assert.equal(of("c"), of("b"));
});
