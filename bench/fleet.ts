// What does one more cluster of a fleet cost? The Git server, the state backend and `fleet status`, asked as a real agent asks.
import { copyFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dump, load as parse } from "js-yaml";
import { app, definePlatform, existing, fleet, flux } from "../components/index.ts";
import { stateLayout } from "../engine/folders.ts";
import { gitServer } from "../local/git-server.ts";
import type { Clone } from "../test/clone.ts";
import { must, type Row, seconds } from "./figures.ts";

/** Numbers of clusters; `PLUMBLINE_BENCH_CLUSTERS` names others. */
const sizes = (process.env.PLUMBLINE_BENCH_CLUSTERS ?? "10,100,1000").split(",").map(Number);

/** Clusters that `fleet status` asks at once: one API server answers for all of them here. */
const answering = 10;

/** Seconds for which the agent of a cluster is watched while nothing is pushed. */
const watched = 120;

/** Measures on a clone whose platform is stopped, and stops it again. */
export const measureFleet = async (
  clone: Clone,
  say: (text: string) => void,
): Promise<{ readonly rows: readonly Row[]; readonly notes: string }> => {
  const rows: Row[] = [];
  const row = (what: string, value: number, unit: string) => rows.push({ what, goal: "", values: [value], unit });
  await must(clone, "start");
  const layout = stateLayout(join(clone.folder, ".plumbline"));
  say(`what the agent of one cluster asks of Git in ${watched} s`);
  const before = (await requestsOf(layout.log)).length;
  await sleep(watched * 1000);
  const asked = (await requestsOf(layout.log)).slice(before);
  row("requests of one cluster to the Git server, nothing pushed", (asked.length / watched) * 60, "a minute");
  const path = asked.at(-1)?.split(" ")[1];
  if (!path) throw new Error(`the agent asked nothing of the Git server within ${watched} s: ${layout.log}`);

  const { rate, processor } = await load(layout.git, path, say);
  row("that request on one Git server of ours, 32 at once", rate, "a second");
  row("processor time of one, `git http-backend` included", processor * 1000, "ms");

  const stacks = join(layout.pulumi, "backend", ".pulumi", "stacks", "plumbline");
  const state = join(stacks, "local.json");
  row("state of one cluster in the backend, one app", (await stat(state)).size / 1000, "kB");
  row(
    "what one `up` adds to its history",
    (await sizeOf(join(layout.pulumi, "backend", ".pulumi", "history"))) / 1000,
    "kB",
  );
  let copies = 0;
  for (const size of sizes) {
    say(`${size} clusters`);
    for (; copies < size; copies++) await copyFile(state, join(stacks, `fleet.c${copies}.json`));
    row(
      `\`pulumi stack ls\` of ${size} stacks in a file backend`,
      await seconds(() => must(clone, "pulumi", "stack", "ls", "--json")),
      "s",
    );
  }
  say("fleet status");
  const cost = async (size: number) => {
    await declare(clone, size, layout.kubeconfig.developer);
    const began = await processorTime();
    await statusOf(clone, size);
    return (await processorTime()) - began;
  };
  const [one, some] = [await cost(1), await cost(answering)];
  row("processor time of `fleet status` for one more cluster", ((some - one) / (answering - 1)) * 1000, "ms");
  row("`fleet({ … })` of 10,000 clusters, all checks", await seconds(async () => construct(10_000)), "s");
  await must(clone, "stop");
  return { rows, notes: "" };
};

/** What its log says was asked: `GET /platform.git/info/refs?… 200`. */
const requestsOf = async (log: string): Promise<string[]> => {
  const file = (await readdir(log, { recursive: true })).find((name) => name.endsWith("git-server.log"));
  const text = file ? await readFile(join(log, file), "utf8") : "";
  return text.match(/(GET|POST) \/\S+ \d{3}/g) ?? [];
};

/** Sends one request again and again to a Git server in this process. */
const load = async (root: string, path: string, say: (text: string) => void) => {
  say(`${path}, as many as a server answers`);
  const server = gitServer({ root, token: "none", pushed: () => {} });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  // An agent's connection is closed long before its next look.
  const agent = new Agent({ keepAlive: false });
  const once = () =>
    new Promise<void>((resolve, reject) => {
      request({ port, path, agent }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        response.resume().on("end", resolve).on("error", reject);
      })
        .on("error", reject)
        .end();
    });
  const before = await processorTime();
  const until = performance.now() + 10_000;
  let answered = 0;
  const took = await seconds(() =>
    Promise.all(
      Array.from({ length: 32 }, async () => {
        for (; performance.now() < until; answered++) await once();
      }),
    ),
  );
  const used = (await processorTime()) - before;
  server.close();
  return { rate: answered / took, processor: used / answered };
};

/** Seconds of processor that this process and its ended children have used: fields of proc(5), in hundredths. */
const processorTime = async (): Promise<number> => {
  const fields = (await readFile("/proc/self/stat", "utf8"))
    .replace(/^.*\) /, "")
    .split(" ")
    .slice(11, 15);
  return fields.reduce((sum, field) => sum + Number(field), 0) / 100;
};

const sizeOf = async (folder: string): Promise<number> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
};

const construct = (size: number) =>
  fleet({
    name: "fleet",
    git: { url: "https://git.example.com/platform.git", branch: "main" },
    clusters: Object.fromEntries(
      Array.from({ length: size }, (_, index) => [`c${index}`, { cluster: existing({ context: `c${index}` }) }]),
    ),
    waves: [{ name: "all", clusters: "rest" }],
    platform: ({ settings }) =>
      definePlatform(
        { ...settings, apps: [app({ name: "hello", source: { path: "apps/hello" } })] },
        { agent: flux() },
      ),
  });

/** A fleet whose clusters are all the one that runs, each by a context of its own. */
const declare = async (clone: Clone, size: number, developer: string): Promise<void> => {
  const config = parse(await readFile(developer, "utf8")) as { contexts: { name: string; context: object }[] };
  const contexts = Array.from({ length: size }, (_, index) => ({ ...config.contexts[0], name: `c${index}` }));
  const file = join(clone.folder, ".plumbline", "contexts.yaml");
  await writeFile(file, dump({ ...config, contexts }), { mode: 0o600 });
  await writeFile(
    join(clone.folder, "stacks", "fleet.ts"),
    `import { app, definePlatform, existing, fleet, flux } from "../components/index.ts";
const kubeconfig = ${JSON.stringify(file)};
export default fleet({
  name: "fleet",
  git: { url: "http://10.88.0.1:3000/platform.git", branch: "main" },
  clusters: Object.fromEntries(
    Array.from({ length: ${size} }, (_, index) => [\`c\${index}\`, { cluster: existing({ kubeconfig, context: \`c\${index}\` }) }]),
  ),
  waves: [{ name: "all", clusters: "rest" }],
  platform: ({ settings }) =>
    definePlatform({ ...settings, apps: [app({ name: "hello", source: { path: "apps/hello" } })] }, { agent: flux() }),
});
`,
  );
};

// They follow the branch of the platform that runs and none of a wave: what counts is that each was asked.
const statusOf = async (clone: Clone, size: number): Promise<void> => {
  const { stdout, all } = await clone.plumbline(["fleet", "status", "--json"]);
  const { clusters } = JSON.parse(stdout) as { clusters: { reachable: boolean }[] };
  if (clusters.filter(({ reachable }) => reachable).length !== size)
    throw new Error(`not all were asked:\n${all.slice(0, 1000)}`);
};
