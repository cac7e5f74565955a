import assert from "node:assert/strict";
import { test } from "node:test";
import { followsWave, membersOf, stackOf } from "../../../components/fleet.ts";
import {
  app,
  apps,
  definePlatform,
  embedded,
  existing,
  type FleetArgs,
  type FleetMember,
  fleet,
  flux,
  type Wave,
} from "../../../components/index.ts";

const platform = ({ settings, labels }: FleetMember) =>
  definePlatform(
    { ...settings, apps: [app({ name: "shop", source: { path: `apps/${labels.region ?? "shop"}` } })] },
    { agent: flux() },
  );
const git = { url: "https://git.example.com/p.git", branch: "main" };
const cluster = (context: string, region?: string) => ({
  cluster: existing({ context }),
  ...(region && { labels: { region } }),
});
const rest = [{ name: "rest", clusters: "rest", timeout: "1h" }] as const;
const right = {
  name: "shops",
  git,
  clusters: {
    "eu-1": cluster("a", "eu"),
    "eu-2": cluster("b", "eu"),
    "us-1": cluster("c", "us"),
    "ap-1": cluster("d"),
  },
  waves: [
    { name: "canary", clusters: ["eu-1"], soak: "1m30s" },
    { name: "eu", clusters: { region: "eu" } },
    ...rest,
  ] satisfies Wave<"eu-1">[],
  platform,
};

/** The lines of the error that a declaration is refused with. */
const refused = (args: unknown): string[] => {
  try {
    fleet(args as FleetArgs<string>);
  } catch (error) {
    return (error as Error).message.split("\n").slice(1);
  }
  return assert.fail("it was taken");
};

test("each cluster is in one wave, by name, by labels, or because it is left", () => {
  const { waves } = fleet(right);
  assert.deepEqual(
    waves.map(({ branch, timeout, soak, members }) => [branch, timeout, soak, members.map(({ name }) => name)]),
    [
      ["shops/canary", 900, 90, ["eu-1"]],
      ["shops/eu", 900, 0, ["eu-2"]],
      ["shops/rest", 3600, 0, ["us-1", "ap-1"]],
    ],
  );
});

test("each member is a platform of its own: its name, its cluster, the branch of its wave, what its labels ask", () => {
  const members = membersOf(fleet(right));
  assert.deepEqual(
    members.map(({ name, access, definition: { settings } }) => [
      settings.name === name && settings.cluster === right.clusters[name as "eu-1"].cluster,
      settings.git,
      access,
      settings.apps.map((each) => each.declared === "app" && each.source.path),
    ]),
    [
      [true, { ...git, branch: "shops/canary" }, { context: "a" }, ["apps/eu"]],
      [true, { ...git, branch: "shops/eu" }, { context: "b" }, ["apps/eu"]],
      [true, { ...git, branch: "shops/rest" }, { context: "c" }, ["apps/us"]],
      [true, { ...git, branch: "shops/rest" }, { context: "d" }, ["apps/shop"]],
    ],
  );
});

test("clusters in two waves, in none, unknown, waves that are empty or called alike: every problem at once", () => {
  const waves = [
    { name: "canary", clusters: ["eu-1", "eu-9"] },
    { name: "canary", clusters: ["eu-1"] },
    { name: "mars", clusters: { region: "mars" } },
  ];
  assert.deepEqual(refused({ ...right, waves }), [
    '  fleet.waves.0.clusters: found "eu-9"; allowed: a cluster of the fleet: eu-1, eu-2, us-1, ap-1',
    '  fleet.waves.1.name: found "canary"; allowed: a name of its own: wave 0 has this one',
    '  fleet.waves.1.clusters: found "eu-1"; allowed: clusters of no other wave: "canary" has this one',
    '  fleet.waves.2.clusters: found {"region":"mars"}; allowed: at least one cluster that is in no earlier wave: leave the wave out until it has one',
    ...["eu-2", "us-1", "ap-1"].map(
      (name) => `  fleet.clusters.${name}: found "in no wave"; allowed: one wave: name it, or add "rest"`,
    ),
  ]);
});

test("a wave that names no cluster of the fleet does not compile", () => {
  // @ts-expect-error there is no eu-9
  assert.throws(() => fleet({ ...right, waves: [{ name: "canary", clusters: ["eu-9"] }] }));
});

test("the rest is of the last wave", () => {
  const waves = [
    { name: "rest", clusters: "rest" },
    { name: "canary", clusters: ["eu-1"] },
  ];
  assert.deepEqual(refused({ ...right, waves }), [
    '  fleet.waves.0.clusters: found "rest"; allowed: "rest" in the last wave alone: it is what no other has',
    '  fleet.waves.1.clusters: found "eu-1"; allowed: clusters of no other wave: "rest" has this one',
  ]);
});

test("names are short enough to be part of every object's name, durations are durations", () => {
  const long = "a".repeat(32);
  const lines = refused({
    ...right,
    name: long,
    clusters: { ...right.clusters, [long]: cluster("e"), "EU 3": cluster("f") },
    waves: [{ name: "x/y", clusters: "rest", timeout: "soon", soaks: "1m" }],
  }).join("\n");
  for (const field of ["name", `clusters.${long}`, "clusters.EU 3", "waves.0.name", "waves.0.timeout", "waves.0.soaks"])
    assert.ok(lines.includes(`fleet.${field}: `), `${field} is not in\n${lines}`);
  assert.match(lines, /clusters\.EU 3: found "EU 3"; allowed: 1 to 31 of a-z, 0-9 and -/);
});

test("a cluster that has no access, and two members that are one cluster", () => {
  const clusters = { "eu-1": cluster("a"), "eu-2": cluster("a"), "us-1": { cluster: embedded() } };
  assert.deepEqual(refused({ ...right, clusters, waves: [{ name: "all", clusters: "rest" }] }), [
    '  fleet.clusters.eu-2.access: found "a"; allowed: a cluster of its own: "eu-1" is this one',
    "  fleet.clusters.us-1.access: found nothing; allowed: { context } or { kubeconfig } by which its API server is asked",
  ]);
  const access = { context: "us-1" };
  const named = fleet({ ...right, clusters: { "us-1": { cluster: embedded(), access } }, waves: rest });
  assert.deepEqual(membersOf(named)[0]?.access, access);
});

test("what is wrong with the platform of a member says which member", () => {
  const waves = [{ name: "all", clusters: "rest" }];
  const apart = ({ name, settings }: FleetMember) =>
    definePlatform(
      {
        ...settings,
        ...(name === "eu-1" && { name: "other", git: { ...git, branch: "main" } }),
        apps: [app({ name: name === "us-1" ? "Shop" : "shop", source: { path: "apps/shop" } })],
      },
      { agent: flux() },
    );
  const lines = refused({ ...right, waves, platform: apart });
  assert.deepEqual(lines.slice(0, 2), [
    '  fleet.clusters.eu-1: settings.name: found "other"; allowed: what ...member.settings says',
    '  fleet.clusters.eu-1: settings.git.branch: found "main"; allowed: what ...member.settings says',
  ]);
  assert.match(lines[2] ?? "", /fleet\.clusters\.us-1: app\(?.*Shop/);
});

test("an app that Pulumi applies is refused: no branch moves it", () => {
  const pushed = ({ settings }: FleetMember) =>
    definePlatform({ ...settings, apps: [app({ name: "shop", source: { path: "s" }, model: "push" })] }, {});
  const lines = refused({
    ...right,
    clusters: { "eu-1": cluster("a") },
    waves: rest,
    platform: pushed,
  });
  assert.match(
    lines.join(),
    /fleet\.clusters\.eu-1: settings\.apps\.shop\.model: found "push"; allowed: the model "pull"/,
  );
});

test("what follows another repository or revision is no part of a wave", () => {
  const settings = {
    name: "p",
    git: { ...git, branch: "shops/eu" },
    cluster: existing({}),
    apps: [
      app({ name: "shop", source: { path: "shop" } }),
      app({ name: "chart", source: { path: "chart", revision: { semver: "~1.2" } } }),
      app({ name: "other", source: { path: "other", repository: "https://git.example.com/o.git" } }),
      apps({ path: "apps/*" }),
    ],
  };
  const definition = definePlatform(settings, { agent: flux() });
  assert.deepEqual(
    ["shop", "chart", "other", "found"].map((name) => followsWave(definition, name)),
    [true, false, false, true],
  );
});

test("a stack is named after its file, and after the member where the file holds a fleet", () => {
  assert.deepEqual(stackOf("local"), { file: "local" });
  assert.deepEqual(stackOf("fleet.eu-1"), { file: "fleet", member: "eu-1" });
});
