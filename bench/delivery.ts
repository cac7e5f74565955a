// How does delivery grow with the number of apps? One repository, each app a ConfigMap in a namespace of its own.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { type Api, connect, type KubernetesObject } from "../local/kubernetes-api.ts";
import { type Clone, eventually } from "../test/clone.ts";
import { memory, must, type Row, repeat, seconds } from "./figures.ts";

const stack = "local-many";

/** Numbers of apps; `PLUMBLINE_BENCH_APPS` names others. */
const sizes = (process.env.PLUMBLINE_BENCH_APPS ?? "1,100,1000").split(",").map(Number);

/** Measures a stack of many apps on a clone whose platform is stopped, and stops it again. */
export const measureDelivery = async (
  clone: Clone,
  say: (text: string) => void,
): Promise<{ readonly rows: readonly Row[]; readonly notes: string }> => {
  const file = join(clone.folder, "stacks", `${stack}.ts`);
  await writeFile(file, declaration(""));
  await must(clone, "start", "--stack", stack);
  const { git, kubeconfig } = await clone.status();
  const api = await connect(kubeconfig.ci);
  const rows: Row[] = [];
  try {
    for (const size of sizes) {
      say(`${size} apps`);
      const all = Array.from({ length: size }, (_, index) => index);
      await commit(git.example, all);
      await writeFile(file, declaration(', apps({ path: "many/*", kind: "yaml", interval: "10m" })'));
      const first = await seconds(async () => {
        await must(clone, "pulumi", "up", "--yes", "--skip-preview");
        await delivered(api, size + 1);
      });
      rows.push({
        what: `${size} apps, from \`up\` until the last is delivered`,
        goal: "",
        values: [first],
        unit: "s",
      });
      const again = await seconds(async () => {
        const wanted = await commit(git.example, all);
        await Promise.all(all.map((app) => isLive(api, app, wanted)));
      });
      rows.push({
        what: `${size} apps, from \`git push\` until each has changed`,
        goal: "",
        values: [again],
        unit: "s",
      });
      rows.push({
        what: `push to live, one of ${size} apps`,
        goal: size === 100 ? "≤ 3 s" : "",
        values: await repeat(async () => {
          const app = Math.floor(Math.random() * size);
          const wanted = await commit(git.example, [app]);
          const took = await seconds(() => isLive(api, app, wanted));
          await settled(api, git.example, size + 1);
          return took;
        }),
        unit: "s",
      });
      rows.push({
        what: `\`plumbline status\` of ${size} apps`,
        goal: "",
        values: await repeat(() => seconds(() => must(clone, "status"))),
        unit: "s",
      });
      rows.push({
        what: `memory of Flux's controllers with ${size} apps (PSS)`,
        goal: "",
        values: [await memory(await clone.status(), ["source-controller", "kustomize-controller"])],
        unit: "GB",
      });
      rows.push({
        what: `\`plumbline diff\` of ${size} apps, one changed, warm`,
        goal: size === 100 ? "≤ 1 s" : "",
        values: await repeat(() => seconds(() => differs(clone))),
        unit: "s",
      });
    }
  } finally {
    api.close();
  }
  await must(clone, "stop");
  return { rows, notes: "" };
};

const differs = async (clone: Clone): Promise<void> => {
  const { exitCode, all } = await clone.plumbline(["diff", "--from", "HEAD~1", "--to", "HEAD"]);
  if (exitCode !== 2) throw new Error(`plumbline diff ended with ${exitCode}:\n${all}`);
};

const declaration = (more: string): string => `// The example app, and small apps of one directory.
import { app, ${more ? "apps, " : ""}definePlatform, flux } from "../components/index.ts";
import { onThisMachine } from "./shared/local.ts";

export default definePlatform(
  {
    ...onThisMachine,
    name: "local-many",
    apps: [app({ name: "hello", source: { path: "apps/hello" }, kind: "yaml" })${more}],
  },
  { agent: flux() },
);
`;

const nameOf = (app: number): string => `many-${app}`;

let commits = 0;
/** Writes a new value into each of the apps and pushes; returns the value. */
const commit = async (example: string, apps: readonly number[]): Promise<string> => {
  const wanted = `value ${++commits}`;
  for (const app of apps) {
    const folder = join(example, "many", nameOf(app));
    await mkdir(folder, { recursive: true });
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { wanted } };
    await writeFile(join(folder, "settings.yaml"), `${JSON.stringify(object, undefined, 2)}\n`);
  }
  await execa("git", ["add", "--all"], { cwd: example });
  await execa("git", ["commit", "--quiet", "--message", wanted], { cwd: example });
  await execa("git", ["push", "--quiet"], { cwd: example });
  return wanted;
};

const kustomizations = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";

const isReady = ({ status, metadata }: KubernetesObject): boolean =>
  status?.observedGeneration === metadata.generation &&
  ((status?.conditions ?? []) as { type: string; status: string }[]).some(
    (each) => each.type === "Ready" && each.status === "True",
  );

const delivered = (api: Api, size: number): Promise<unknown> =>
  eventually(
    `${size} apps delivered`,
    async () => (await api.list(kustomizations)).filter(isReady).length,
    (count) => count >= size,
    1800,
  );

const isLive = (api: Api, app: number, wanted: string): Promise<unknown> =>
  eventually(
    `${nameOf(app)} with ${wanted}`,
    () => api.get<KubernetesObject>(`/api/v1/namespaces/${nameOf(app)}/configmaps/settings`),
    ({ data }) => data.wanted === wanted,
    600,
  );

/** Nothing of the last push is under way any more. */
const settled = async (api: Api, example: string, size: number): Promise<void> => {
  const { stdout: head } = await execa("git", ["rev-parse", "HEAD"], { cwd: example });
  await eventually(
    `every app at ${head}`,
    async () =>
      (await api.list(kustomizations)).filter(({ status }) => status?.lastAppliedRevision?.endsWith(head)).length,
    (count) => count >= size,
    600,
  );
};
