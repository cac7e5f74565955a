// A commit gets to a fleet wave by wave: in real repositories, with clusters of which only what they answered is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { openClone } from "../../../commands/checkout.ts";
import { page, tipsOf } from "../../../commands/fleet.ts";
import { judged, type MemberApp } from "../../../commands/fleet-members.ts";
import { type Rollout, rolledOut } from "../../../commands/fleet-rollout.ts";
import { app, definePlatform, existing, fleet, flux, type ResolvedWave } from "../../../components/index.ts";
import { repositoryWith } from "../../repositories.ts";

const shops = (timings: { timeout?: string; soak?: string } = {}) =>
  fleet({
    name: "shops",
    git: { url: "https://git.example.com/p.git", branch: "main" },
    clusters: {
      "eu-1": { cluster: existing({ context: "a" }) },
      "eu-2": { cluster: existing({ context: "b" }) },
      "us-1": { cluster: existing({ context: "c" }) },
    },
    waves: [
      { name: "canary", clusters: ["eu-1"], timeout: "0s", ...timings },
      { name: "eu", clusters: ["eu-2"], timeout: "0s" },
      { name: "rest", clusters: "rest", timeout: "0s" },
    ],
    platform: ({ settings }) =>
      definePlatform({ ...settings, apps: [app({ name: "shop", source: { path: "shop" } })] }, { agent: flux() }),
  });

const live = (change: Partial<MemberApp> = {}): MemberApp => ({
  name: "shop",
  namespace: "shop",
  url: "",
  commit: "",
  healthy: true,
  model: "pull",
  agent: "flux",
  wave: true,
  ...change,
});

/** A remote with three commits, a checkout of it, and a rollout whose clusters are at once at what their wave says. */
const world = async () => {
  const checkout = repositoryWith({ "shop/a.yaml": "1" });
  const commits = [
    checkout.git("rev-parse", "HEAD"),
    checkout.commit({ "shop/a.yaml": "2" }),
    checkout.commit({ "shop/a.yaml": "3" }),
  ] as const;
  const remote = repositoryWith({ "README.md": "" });
  remote.git("switch", "--quiet", "--orphan", "aside");
  checkout.git("remote", "add", "origin", remote.folder);
  checkout.git("push", "--quiet", "--force", "origin", "main");
  const git = await openClone(checkout.folder, shops().git);
  const said: string[] = [];
  const broken = new Map<string, Partial<MemberApp>>();
  const run = (options: Partial<Rollout> = {}, declared = shops()) =>
    rolledOut(declared, git, {
      yes: true,
      say: (text) => void said.push(text),
      look: async ({ name, branch, members }: ResolvedWave, commit) =>
        members.map(({ name: cluster }) =>
          judged({ cluster, wave: name, branch, wanted: commit }, [live({ commit, ...broken.get(cluster) })]),
        ),
      tips: () => tipsOf(git, "origin", declared),
      ...options,
    });
  const at = async () => {
    const tips = await tipsOf(git, "origin", shops());
    return ["canary", "eu", "rest"].map((wave) => commits.indexOf(tips.get(`shops/${wave}`) ?? ""));
  };
  return { ...checkout, commits, said, broken, run, at };
};

test("without --yes it tells which waves would move, and pushes nothing", async () => {
  const { run, at, said, commits } = await world();
  await run({ yes: false });
  const last = commits[2].slice(0, 10);
  assert.deepEqual(said.slice(0, 3), [
    `canary: new → ${last}, eu-1`,
    `eu: new → ${last}, eu-2`,
    `rest: new → ${last}, us-1`,
  ]);
  assert.deepEqual(await at(), [-1, -1, -1]);
});

test("a wave that is not healthy stops it, with cluster, app and reason; the next run goes on", async () => {
  const { run, at, broken, commits } = await world();
  await run({ to: commits[0] });
  assert.deepEqual(await at(), [0, 0, 0]);
  broken.set("eu-2", { healthy: false, commit: commits[0], message: "Deployment shop/web: ImagePullBackOff" });
  const stopped = (error: Error & { code: string; wayOut: string; exitCode: number }) => {
    assert.deepEqual([error.code, error.exitCode], ["WAVE_NOT_HEALTHY", 1]);
    const [from, to] = [commits[0], commits[1]].map((commit) => commit.slice(0, 10));
    assert.equal(
      error.message,
      `Wave eu was not healthy at ${to} within 0 s. Not moved: rest.\n  eu-2: shop: Deployment shop/web: ImagePullBackOff; at ${from}, not at ${to}`,
    );
    return true;
  };
  await assert.rejects(run({ to: commits[1] }), stopped);
  assert.deepEqual(await at(), [1, 1, 0]);
  await assert.rejects(run({ to: commits[1] }), stopped);
  broken.clear();
  await run();
  assert.deepEqual(await at(), [2, 2, 2]);
});

test("a wave that becomes ill while it soaks stops it as well", async () => {
  const { run, at, broken } = await world();
  const declared = shops({ soak: "30s", timeout: "5m" });
  let looks = 0;
  const look: Rollout["look"] = async ({ name, branch, members }, commit) => {
    if (++looks === 2) broken.set("eu-1", { healthy: false });
    return members.map(({ name: cluster }) =>
      judged({ cluster, wave: name, branch, wanted: commit }, [live({ commit, ...broken.get(cluster) })]),
    );
  };
  await assert.rejects(run({ look }, declared), {
    message:
      /^Wave canary was not healthy at \S+ for the 30 s that it soaks\. Not moved: eu, rest\.\n {2}eu-1: shop: not healthy$/,
  });
  assert.deepEqual(await at(), [2, -1, -1]);
});

test("why an agent failed is told, though it tries again when the time is over", async () => {
  const { run, commits } = await world();
  let looks = 0;
  const look: Rollout["look"] = async ({ name, branch, members }, commit) => {
    const failed = ++looks === 1 ? { healthy: false, message: "no such kind" } : {};
    const old = commits[0];
    return members.map(({ name: cluster }) =>
      judged({ cluster, wave: name, branch, wanted: commit }, [live({ commit: old, ...failed })]),
    );
  };
  await assert.rejects(run({ look }, shops({ timeout: "1s" })), { message: /\n {2}eu-1: shop: no such kind; at / });
  assert.equal(looks, 2);
});

test("no wave goes back, or aside: a commit that lacks what a wave has is refused before any moves", async () => {
  const { run, at, commits, git } = await world();
  await run({ to: commits[1] });
  await assert.rejects(run({ to: commits[0] }), { code: "NOT_FORWARD", message: /^Wave canary is at / });
  git("push", "--quiet", "origin", `${commits[2]}:refs/heads/shops/rest`);
  await assert.rejects(run({ to: commits[1] }), { code: "NOT_FORWARD", message: /^Wave rest is at / });
  assert.deepEqual(await at(), [1, 1, 2]);
});

test("only what is on the fleet's branch at the remote is rolled out", async () => {
  const { run, commit, at } = await world();
  const mine = commit({ "shop/a.yaml": "not reviewed" });
  for (const to of [mine, "nowhere"])
    await assert.rejects(run({ to }), { code: "NO_COMMIT", message: `"${to}" is no commit of main at the remote.` });
  assert.deepEqual(await at(), [-1, -1, -1]);
});

test("where nobody knows what the wave is at, a cluster is judged by its apps' health alone", () => {
  const about = { cluster: "eu-1", wave: "eu", branch: "shops/eu", wanted: "" };
  assert.deepEqual(judged(about, [live({ commit: "a".repeat(40) })]).problems, []);
  assert.deepEqual(judged(about, [live({ healthy: false })]).problems, ["shop: not healthy"]);
});

test("the table has a row for each cluster, and beneath it what is wrong", () => {
  const about = { wave: "eu", branch: "shops/eu", wanted: "b".repeat(40) };
  const silent = {
    ...about,
    ...{ cluster: "us-1", reachable: false, healthy: false, apps: [], problems: ["https://c does not answer"] },
  };
  const members = [
    judged({ ...about, cluster: "eu-1" }, [live({ commit: about.wanted }), live({ name: "chart", wave: false })]),
    judged({ ...about, cluster: "eu-2" }, [live({ commit: "a".repeat(40) })]),
    silent,
  ];
  const lines = stripVTControlCharacters(page(members)).split("\n");
  assert.deepEqual(
    lines.map((line) => line.trim().split(/ {2,}/).join(" | ")),
    [
      "CLUSTER | WAVE | COMMIT | APPS",
      "eu-1 | ✔ | eu | bbbbbbbbbb | 2 of 2",
      "eu-2 | ✖ | eu | aaaaaaaaaa | 1 of 1",
      "us-1 | ✖ | eu | unreachable",
      "eu-2: shop: at aaaaaaaaaa, not at bbbbbbbbbb",
      "us-1: https://c does not answer",
      "1 of 3 clusters are healthy",
      "",
    ],
  );
});
