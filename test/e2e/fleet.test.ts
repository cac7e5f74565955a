// Two clusters of one fleet side by side, each with an agent of its own, and a third that does not answer: a commit gets to them in waves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { root } from "../../engine/folders.ts";
import { programFolder } from "../../engine/program-folder.ts";
import { programsFor } from "../../engine/programs.ts";
import { resolve } from "../../engine/resolve.ts";
import { stopCluster } from "../../local/cluster.ts";
import { ensureExampleRepository } from "../../local/example.ts";
import { gitServerParts } from "../../local/git-process.ts";
import { imageHost, images } from "../../local/images.ts";
import { addresses } from "../../local/network.ts";
import { type Clone, cloneHere } from "../clone.ts";
import { repositoryWith } from "../repositories.ts";
import { applyWeb, freshState, kubectl, needsRoot, start } from "./cluster-fixtures.ts";

interface Member {
  readonly cluster: string;
  readonly reachable: boolean;
  readonly healthy: boolean;
  readonly apps: readonly { readonly name: string; readonly commit: string }[];
}

const served = "/run/plumbline/fleet";

const configMap = (message: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\ndata:\n  message: ${message}\n`;

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: web
          image: plumbline.local/nowhere:1
          imagePullPolicy: Never
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
`;

describe("a fleet of two clusters and one that is away", { skip: needsRoot, timeout: 600_000 }, () => {
  const states = { "eu-1": freshState(), "eu-2": freshState() } as const;
  const folder = join(states["eu-1"], "git");
  const bare = join(folder, "platform.git");
  const files = (cluster: string, message: string) => ({
    [`apps/shop/${cluster}/config.yaml`]: configMap(message),
  });
  const checkout = repositoryWith({ ...files("eu-1", "one"), ...files("eu-2", "one"), ...files("us-1", "one") });
  let clone: Clone;

  before(async () => {
    clone = await cloneHere("fleet");
    await ensureExampleRepository(states["eu-1"], "fleet");
    checkout.git("remote", "add", "origin", bare);
    checkout.git("push", "--quiet", "origin", "main:refs/heads/trunk");
    const programs = await programFolder((await resolve(programsFor([]))).values());
    const wanted = ["pause", "coredns", "busybox", "source-controller", "kustomize-controller"];
    await Promise.all(
      Object.values(states).map(async (state) => {
        const { process: server, mounts } = await gitServerParts();
        assert.ok("argv" in server);
        const argv = server.argv.map((word) => word.replace(/^.*\/git(?=$|\/token$)/, served));
        await start(state, {
          programs,
          images: images.filter(({ program }) => wanted.includes(program)),
          // Both serve the one repository: from within, neither cluster reaches the other.
          processes: [{ ...server, argv }],
          mounts: [...mounts, { source: folder, target: served }],
        });
        await applyWeb(state, 1);
      }),
    );
    await writeFile(join(clone.folder, "stacks", "fleet.ts"), await declaration());
    // What a Git server's webhook does: each cluster hears of a push, and fetches by itself.
    const hook = `import { notifyAgent } from ${JSON.stringify(join(root, "local", "git-notifier.ts"))};
for (const kubeconfig of ${JSON.stringify(Object.values(states).map((state) => join(state, "kubeconfig", "ci.yaml")))})
  await notifyAgent({ kubeconfig, root: ${JSON.stringify(folder)}, repository: "platform.git" });`;
    await writeFile(join(folder, "hook.mts"), hook);
    await writeFile(
      join(bare, "hooks", "post-receive"),
      `#!/bin/sh\nexec '${process.execPath}' '${folder}/hook.mts'\n`,
      {
        mode: 0o755,
      },
    );
    await Promise.all(Object.keys(states).map((cluster) => up(cluster)));
  });
  after(async () => {
    await clone.remove();
    for (const state of Object.values(states)) {
      await stopCluster({ state, keep: false });
      await rm(state, { recursive: true, force: true });
    }
  });

  const declaration = async () => {
    const file = (cluster: keyof typeof states, who: string) =>
      JSON.stringify(join(states[cluster], "kubeconfig", `${who}.yaml`));
    const member = (cluster: keyof typeof states) =>
      `"${cluster}": {
      cluster: existing({ kubeconfig: ${file(cluster, "ci")}, mirror: "${imageHost}" }),
      access: { kubeconfig: ${file(cluster, "developer")} },
    },`;
    const away = join(folder, "away.yaml");
    const reader = readFileSync(join(states["eu-1"], "kubeconfig", "developer.yaml"), "utf8");
    await writeFile(away, reader.replace(/server: .*/, "server: https://127.0.0.1:1"));
    return `import { app, definePlatform, existing, fleet, flux } from "../components/index.ts";
export default fleet({
  name: "shops",
  git: { url: "http://${addresses.controlPlane}:3000/platform.git", branch: "trunk" },
  clusters: {
    ${member("eu-1")}
    ${member("eu-2")}
    "us-1": { cluster: existing({ kubeconfig: ${JSON.stringify(away)} }) },
  },
  waves: [
    { name: "canary", clusters: ["eu-1"], timeout: "2m" },
    { name: "eu", clusters: ["eu-2"], timeout: process.env.TEST_WAVE ?? "2m" },
    { name: "rest", clusters: "rest", timeout: "1s" },
  ],
  platform: ({ name, settings }) =>
    definePlatform(
      { ...settings, apps: [app({ name: "shop", source: { path: \`apps/shop/\${name}\` }, kind: "yaml", timeout: "5s", interval: "15s" })] },
      { agent: flux() },
    ),
});
`;
  };
  const up = async (cluster: string) => {
    const stack = `fleet.${cluster}`;
    const made = await clone.plumbline(["pulumi", "stack", "init", stack]);
    assert.equal(made.exitCode, 0, made.all);
    const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--stack", stack, "--yes", "--skip-preview"]);
    assert.equal(exitCode, 0, all);
  };
  const push = (changed: Parameters<typeof checkout.commit>[0]) => {
    const commit = checkout.commit(changed);
    checkout.git("push", "--quiet", "origin", "main:refs/heads/trunk");
    return commit;
  };
  const rollout = (environment: Record<string, string> = {}) =>
    clone.plumbline(["fleet", "rollout", "--yes", "--repository", checkout.folder], { environment });
  const message = (cluster: keyof typeof states) =>
    kubectl(states[cluster], "developer", "-n", "shop", "get", "configmap", "shop", "-o", "jsonpath={.data.message}");
  const tip = (wave: string) => checkout.git("ls-remote", "origin", `refs/heads/shops/${wave}`).slice(0, 40);
  /** Seconds after which the broken wave is given up: what is delivered at all is there by then on this machine. */
  let bound = 15;
  const first = checkout.git("rev-parse", "HEAD");

  it("gets its first commit wave by wave, and stops at the cluster that does not answer", async () => {
    const { exitCode, all } = await rollout();
    assert.equal(exitCode, 1, all);
    const [, , took] = /canary: healthy at .*\n(.*\n)*eu: healthy at \S+ after (\d+) s/.exec(all) ?? assert.fail(all);
    bound = Math.max(bound, 3 * Number(took));
    assert.match(all, /Wave rest was not healthy at .*\n {2}us-1: https:\/\/127\.0\.0\.1:1 does not answer: .*\n/);
    assert.deepEqual(await Promise.all([message("eu-1"), message("eu-2")]), ["one", "one"]);
  });

  it("is shown in one table, the cluster that does not answer included", async () => {
    const status = ["fleet", "status", "--repository", checkout.folder];
    const { exitCode, stdout } = await clone.plumbline([...status, "--json"]);
    assert.equal(exitCode, 1);
    const { clusters } = JSON.parse(stdout) as { clusters: readonly Member[] };
    assert.deepEqual(
      clusters.map(({ cluster, reachable, healthy, apps }) => [cluster, reachable, healthy, apps[0]?.commit]),
      [
        ["eu-1", true, true, first],
        ["eu-2", true, true, first],
        ["us-1", false, false, undefined],
      ],
    );
    const { all } = await clone.plumbline(status);
    assert.match(all, /eu-2 +✔ +eu +[0-9a-f]{10} +1 of 1/);
    assert.match(all, /us-1 +✖ +rest +unreachable/);
  });

  it("stops at a wave that a commit breaks: the canary has it, the rest does not, cluster, app and reason are told", async () => {
    const broken = push({ ...files("eu-1", "two"), "apps/shop/eu-2/web.yaml": deployment });
    const { exitCode, all } = await rollout({ TEST_WAVE: `${bound}s` });
    assert.equal(exitCode, 1, all);
    assert.match(all, /code: WAVE_NOT_HEALTHY/);
    assert.match(
      all,
      /Wave eu was not healthy at \S+ within \d+ s\. Not moved: rest\.\n {2}eu-2: shop: .*ErrImageNeverPull/,
    );
    assert.equal(await message("eu-1"), "two");
    assert.deepEqual([tip("canary"), tip("eu"), tip("rest")], [broken, broken, first]);
  });

  it("goes on with the commit that mends it", async () => {
    const mended = push({ "apps/shop/eu-2/web.yaml": null, ...files("eu-2", "three") });
    const { all } = await rollout();
    assert.match(all, /eu: healthy at /);
    assert.equal(await message("eu-2"), "three");
    assert.deepEqual([tip("canary"), tip("eu"), tip("rest")], [mended, mended, mended]);
  });
});
