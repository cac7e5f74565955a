// Does Flux deliver every kind of app as it was rendered and told before? A chart and an overlay on a platform of their own.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { differences } from "../../../commands/differences.ts";
import { render } from "../../../components/delivery/render.ts";
import { openRepository } from "../../../components/delivery/repository.ts";
import { type Api, ApiError, connect } from "../../../local/kubernetes-api.ts";
import { type Clone, cloneHere, eventually, type Status } from "../../clone.ts";
import { rendererForTests } from "../delivery/renderers.ts";

let clone: Clone;
let status: Status;
let api: Api;
let original: string;
const stack = () => join(clone.folder, "stacks", "local.ts");
const inExample = (...args: string[]) => execa("git", args, { cwd: status.git.example });

const declared = `// The platform of this test.
import { app, definePlatform, flux } from "../components/index.ts";
import { onThisMachine } from "./shared/local.ts";

export default definePlatform(
  {
    ...onThisMachine,
    name: "local",
    apps: [
      app({ name: "chart", source: { path: "apps/keeper/chart" }, kind: "helm", values: { message: "of the stack" }, valuesFiles: ["more.yaml"] }),
      app({ name: "overlay", source: { path: "apps/keeper/overlay" }, kind: "kustomize" }),
    ],
  },
  { agent: flux() },
);
`;
// Where the example repository gets the files of an app from that this stack does not declare.
const files = {
  "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
  "chart/values.yaml": "message: of the chart\nport: 80\nowner: nobody\n",
  "chart/more.yaml": "owner: somebody\n",
  "chart/templates/all.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data: {message: "{{ .Values.message }}", owner: "{{ .Values.owner }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: web}, ports: [{name: http, port: {{ .Values.port }}}]}
`,
  "overlay/kustomization.yaml":
    "resources: [../base]\nnamePrefix: my-\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n",
  "base/kustomization.yaml": "resources: [c.yaml]\n",
  "base/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n",
};

before(async () => {
  await Promise.all([rendererForTests("kustomize"), rendererForTests("helm")]);
  clone = await cloneHere("flux-kinds");
  original = await readFile(stack(), "utf8");
  await writeFile(stack(), declared);
  for (const [name, content] of Object.entries(files)) {
    const file = join(clone.folder, "examples", "keeper", "manifests", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  const { exitCode, all } = await clone.plumbline(["start"]);
  assert.equal(exitCode, 0, String(all));
  status = await clone.status();
  api = await connect(status.kubeconfig.ci);
});
after(async () => {
  api?.close();
  await clone?.remove();
});

const delivered = (commit: string) =>
  eventually(
    "both are delivered",
    clone.status,
    ({ apps, phase }) => phase === "running" && apps.every((each) => each.commit === commit && each.healthy),
    90,
  );

/** What is live of an app against what is rendered of it: fields that are declared and live otherwise. */
const deviations = async (name: string, path: string, more: object = {}): Promise<string[]> => {
  const snapshot = await openRepository(status.git.example, { commit: "HEAD" });
  const { objects } = await render(snapshot, { name, namespace: name, path, ...more });
  assert.ok(objects.length >= 2, `${name} has ${objects.length} objects`);
  const found = await Promise.all(
    objects.map(async ({ object }) => {
      const plural = `${object.kind.toLowerCase()}s`;
      const live = await api.get(`/api/v1/namespaces/${name}/${plural}/${object.metadata.name}`);
      return differences(object, live).filter(({ wanted }) => wanted !== undefined);
    }),
  );
  await snapshot.close();
  return found.flat().map((each) => JSON.stringify(each));
};
const chart = { values: { message: "of the stack" }, valuesFiles: ["more.yaml"] };

test("a chart and an overlay are live as they are rendered, and status tells their commit", async () => {
  const { stdout: head } = await inExample("rev-parse", "HEAD");
  await delivered(head);
  assert.deepEqual(await deviations("chart", "apps/keeper/chart", chart), []);
  assert.deepEqual(await deviations("overlay", "apps/keeper/overlay"), []);
});

test("a push is told before by diff, and live soon after", async () => {
  await writeFile(
    join(status.git.example, "apps/keeper/chart/values.yaml"),
    files["chart/values.yaml"].replace("80", "81"),
  );
  await writeFile(
    join(status.git.example, "apps/keeper/base/c.yaml"),
    files["base/c.yaml"].replace("{a: b}", "{a: c}"),
  );
  await inExample("commit", "--quiet", "--all", "--message", "Both change");
  const told = await clone.plumbline(["diff", "--repository", status.git.example, "--to", "HEAD"]);
  assert.equal(told.exitCode, 2, told.all);
  assert.match(told.stdout, /Service chart\/chart .*\n.*port: 80 → 81/);
  assert.match(told.stdout, /ConfigMap overlay\/my-c .*\n.*data\.a: "b" → "c"/);
  await inExample("push", "--quiet");
  await delivered((await inExample("rev-parse", "HEAD")).stdout);
  assert.deepEqual(await deviations("chart", "apps/keeper/chart", chart), []);
  assert.deepEqual(await deviations("overlay", "apps/keeper/overlay"), []);
});

test("the chart goes with its app, and helm-controller with the last chart", async () => {
  await writeFile(stack(), original);
  const { exitCode, all } = await clone.plumbline(["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]);
  assert.equal(exitCode, 0, String(all).slice(-3000));
  for (const path of [
    "/api/v1/namespaces/chart",
    "/api/v1/namespaces/overlay",
    "/apis/apps/v1/namespaces/flux-system/deployments/helm-controller",
  ]) {
    await assert.rejects(api.get(path), (error) => error instanceof ApiError && error.status === 404, path);
  }
});
