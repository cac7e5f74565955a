import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Agent,
  app,
  type Cluster,
  definePlatform,
  InvalidDeclaration,
  type Layer,
  layer,
  type Settings,
} from "../../../components/index.ts";
import { buildLayers } from "../../../components/slot.ts";

const cluster = layer({ slot: "cluster", implementation: "fake", needs: [], build: () => ({}) as Cluster });
const agent = layer({ slot: "agent", implementation: "fake", needs: ["cluster"], build: () => ({}) as Agent });
const settings: Settings = {
  name: "test",
  git: { url: "http://git.example/p.git", branch: "main" },
  cluster,
  apps: [],
};
// A layer of a slot that is still to come, as a person would write it.
const needy = { ...agent, needs: ["registry"] as const };

const problems = (declare: () => unknown): string[] => {
  try {
    declare();
  } catch (error) {
    assert.ok(error instanceof InvalidDeclaration, String(error));
    return error.message.split("\n").slice(1);
  }
  throw new Error("nothing was refused");
};

test("layers whose needs are met are accepted", () => {
  assert.deepEqual(definePlatform(settings, { agent }), { settings, layers: { agent } });
});

test("an unknown slot neither compiles nor is built", () => {
  // @ts-expect-error: { "no such slot": "agnet" }
  const declare = () => definePlatform(settings, { agent, agnet: agent });
  assert.match(
    problems(declare)[0] ?? "",
    /^ {2}layers\.agnet: found "agnet"; allowed: one of the slots "certificates", .*"agent"$/,
  );
});

test("a layer in the wrong slot neither compiles nor is built", () => {
  // @ts-expect-error: Layer<"cluster"> is not assignable to Layer<"agent">
  const declare = () => definePlatform(settings, { agent: cluster });
  assert.deepEqual(problems(declare), [
    '  layers.agent: found "fake, a layer for slot \\"cluster\\""; allowed: a layer for slot "agent"',
  ]);
});

test("a missing need neither compiles nor is built", () => {
  // @ts-expect-error: { "missing slot": "registry" }
  const declare = () => definePlatform(settings, { agent: needy });
  assert.deepEqual(problems(declare), [
    '  layers.registry: found nothing; allowed: a layer for slot "registry", which fake needs',
  ]);
});

test("something that is no layer is refused", () => {
  // @ts-expect-error: a word is not a layer
  const declare = () => definePlatform(settings, { agent: "flux" });
  assert.deepEqual(problems(declare), ['  layers.agent: found "flux"; allowed: a layer for slot "agent"']);
});

test("all problems of settings and layers come at once", () => {
  const wrong = { ...settings, name: "Test", git: { url: "nowhere", branch: "" }, aps: [] };
  // @ts-expect-error: needs a slot that is missing
  const declare = () => definePlatform(wrong, { agent: needy });
  assert.deepEqual(problems(declare), [
    '  settings.name: found "Test"; allowed: 1 to 31 of a-z, 0-9 and -, starting with a letter',
    '  settings.git.url: found "nowhere"; allowed: an http, https or ssh URL that is reached from inside the cluster',
    '  settings.git.branch: found ""; allowed: the name of a branch',
    "  settings.aps: found []; allowed: no such field",
    '  layers.registry: found nothing; allowed: a layer for slot "registry", which fake needs',
  ]);
});

test("apps need an agent", () => {
  const apps = [app({ name: "shop", source: { path: "apps/shop" } })];
  assert.deepEqual(
    problems(() => definePlatform({ ...settings, apps }, {})),
    [
      '  layers.agent: found nothing; allowed: a layer for slot "agent", which delivers the apps, or model "push" for each of them',
    ],
  );
});

test("a cycle of needs is printed", () => {
  const selfish = { ...agent, needs: ["agent"] as const };
  assert.deepEqual(
    problems(() => definePlatform(settings, { agent: selfish })),
    ['  layers.agent: found "agent needs agent"; allowed: needs without a cycle'],
  );
});

test("a layer is built once, after its needs, with exactly those", () => {
  const given = { provider: "the provider" } as unknown as Cluster;
  const seen: unknown[] = [];
  const observed: Layer<"agent", "cluster"> = {
    ...agent,
    build: (name, needs) => {
      seen.push([name, needs]);
      return { deliver: () => assert.fail() };
    },
  };
  const built = buildLayers({ agent: observed }, { cluster: given }, (slot) => `p-${slot}`, {});
  assert.deepEqual(seen, [["p-agent", { cluster: given }]]);
  assert.deepEqual(Object.keys(built), ["cluster", "agent"]);
});

test("what a layer uses is built first where it is there, and is no fault where it is not", () => {
  const seen: string[][] = [];
  const metrics = layer({
    slot: "metrics",
    implementation: "fake",
    needs: [],
    build: () => ({ queryUrl: undefined as never }),
  });
  const curious = layer({
    slot: "agent",
    implementation: "curious",
    needs: [],
    uses: ["metrics"],
    build: (_, given): Agent => {
      // @ts-expect-error: it may not be there
      void (() => given.metrics.queryUrl);
      seen.push(Object.keys(given));
      return { deliver: () => assert.fail() };
    },
  });
  buildLayers({ agent: curious, metrics }, {}, (slot) => slot, {});
  buildLayers({ agent: curious }, {}, (slot) => slot, {});
  assert.deepEqual(seen, [["metrics"], []]);
  assert.deepEqual(definePlatform(settings, { agent: curious }).layers, { agent: curious });
});

test("a cycle through what a layer uses is printed", () => {
  const curious = { ...agent, needs: [], uses: ["metrics"] as const };
  const metrics = layer({
    slot: "metrics",
    implementation: "fake",
    needs: ["agent"],
    build: () => ({ queryUrl: undefined as never }),
  });
  assert.deepEqual(
    problems(() => definePlatform(settings, { agent: curious, metrics })),
    ['  layers.agent: found "agent needs metrics needs agent"; allowed: needs without a cycle'],
  );
});
