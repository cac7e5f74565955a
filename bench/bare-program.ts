// What does a preview cost beyond Pulumi itself? The same number of resources in a program without any of our code.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clone } from "../test/clone.ts";

const runs = 5;

const timed = async (clone: Clone, args: readonly string[]): Promise<number> => {
  const began = performance.now();
  const { exitCode, all } = await clone.plumbline(["pulumi", ...args]);
  if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${exitCode}:\n${all}`);
  return performance.now() - began;
};

/** Ratios of `preview --refresh` of the platform's stack to that of a bare program with as many ConfigMaps. */
export const bareProgram = async (clone: Clone): Promise<number[]> => {
  const exported = await clone.plumbline(["pulumi", "stack", "export"]);
  const { deployment } = JSON.parse(String(exported.stdout)) as {
    deployment: { resources: { custom: boolean; type: string }[] };
  };
  const count = deployment.resources.filter(({ custom, type }) => custom && type.startsWith("kubernetes:")).length;
  const folder = join(clone.folder, "bench-bare");
  await mkdir(folder, { recursive: true });
  const kubeconfig = JSON.stringify(await readFile((await clone.status()).kubeconfig.ci, "utf8"));
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: bare\nruntime:\n  name: nodejs\n  options: { typescript: false }\nmain: index.ts\n",
  );
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(
    join(folder, "index.ts"),
    `import * as k8s from "@pulumi/kubernetes";
const provider = new k8s.Provider("bare", { kubeconfig: ${kubeconfig}, clusterIdentifier: "bare" });
for (let index = 0; index < ${count}; index++) {
  new k8s.core.v1.ConfigMap(\`bare-\${index}\`, { metadata: { name: \`bare-\${index}\`, namespace: "plumbline-system" }, data: { index: String(index) } }, { provider });
}
`,
  );
  const bare = ["--cwd", folder, "--non-interactive"];
  await clone.plumbline(["pulumi", "stack", "init", "bare", ...bare]);
  await timed(clone, ["up", "--yes", "--skip-preview", "--stack", "bare", ...bare]);
  try {
    const ratios: number[] = [];
    for (let run = 0; run < runs; run++) {
      const without = await timed(clone, ["preview", "--refresh", "--stack", "bare", ...bare]);
      const ours = await timed(clone, ["preview", "--refresh", "--stack", "local", "--non-interactive"]);
      ratios.push(ours / without);
    }
    return ratios;
  } finally {
    await timed(clone, ["destroy", "--yes", "--skip-preview", "--stack", "bare", ...bare]);
  }
};
