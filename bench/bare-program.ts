// What does a preview cost beyond Pulumi itself? Copies of the platform's own objects in a program without any of our code.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clone } from "../test/clone.ts";
import { runs } from "./figures.ts";

interface Kubernetes {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

interface Resource {
  readonly type: string;
  readonly custom: boolean;
  readonly external?: boolean;
  readonly inputs: Kubernetes;
}

/** Ratios of `preview --refresh` of the platform's stack to that of a bare program with the same objects under other names. */
export const bareProgram = async (clone: Clone, stack: string): Promise<number[]> => {
  const exported = await clone.plumbline(["pulumi", "stack", "export"]);
  const { deployment } = JSON.parse(String(exported.stdout)) as { deployment: { resources: Resource[] } };
  const objects = deployment.resources
    .filter(({ custom, type, external }) => custom && !external && type.startsWith("kubernetes:"))
    .map(copy);
  const folder = join(clone.folder, "bench-bare");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "objects.json"), JSON.stringify(objects));
  await writeFile(join(folder, "kubeconfig"), await readFile((await clone.status()).kubeconfig.ci), { mode: 0o600 });
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: bare\nruntime:\n  name: nodejs\n  options: { typescript: false }\nmain: index.ts\n",
  );
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(
    join(folder, "index.ts"),
    `import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
const provider = new k8s.Provider("bare", { kubeconfig: "./kubeconfig", clusterIdentifier: "bare" });
const made = {};
for (const { type, inputs } of JSON.parse(readFileSync("objects.json", "utf8"))) {
  const { name, namespace } = inputs.metadata;
  const dependsOn = namespace && made[namespace] ? [made[namespace]] : [];
  const object = new pulumi.CustomResource(type, type + namespace + name, inputs, { provider, dependsOn });
  if (inputs.kind === "Namespace") made[name] = object;
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
      const ours = await timed(clone, ["preview", "--refresh", "--stack", stack, "--non-interactive"]);
      ratios.push(ours / without);
    }
    return ratios;
  } finally {
    await timed(clone, ["destroy", "--yes", "--skip-preview", "--stack", "bare", ...bare]);
  }
};

const timed = async (clone: Clone, args: readonly string[]): Promise<number> => {
  const began = performance.now();
  const { exitCode, all } = await clone.plumbline(["pulumi", ...args]);
  if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${exitCode}:\n${all}`);
  return performance.now() - began;
};

const inert = /^kubernetes:(core|apps|batch|policy|(apiextensions|networking|rbac\.authorization|storage)\.k8s\.io)\//;
const systemNamespaces = ["kube-system", "default"];

// The same in size and kind, and nothing comes of it: no pods, no second default class, no names that are taken.
const copy = ({ type, inputs }: Resource): { type: string; inputs: Kubernetes } => {
  const { name, namespace, ...metadata } = inputs.metadata;
  const copied = {
    ...inputs,
    metadata: {
      ...metadata,
      name: `bare-${name}`,
      ...(namespace ? { namespace: systemNamespaces.includes(namespace) ? namespace : `bare-${namespace}` } : {}),
    },
  };
  const { kind, spec } = inputs;
  if (kind === "Deployment" || kind === "StatefulSet") {
    return { type, inputs: { ...copied, spec: { ...spec, replicas: 0 } } };
  }
  if (kind === "CustomResourceDefinition") {
    const [plural, ...group] = name.split(".");
    const bareGroup = ["bare", ...group].join(".");
    return {
      type,
      inputs: {
        ...copied,
        metadata: { ...metadata, name: `${plural}.${bareGroup}` },
        spec: { ...spec, group: bareGroup },
      },
    };
  }
  if (kind === "Service") {
    const { clusterIP: _, clusterIPs: __, ...free } = spec ?? {};
    return { type, inputs: { ...copied, spec: free } };
  }
  if (kind === "StorageClass") return { type, inputs: { ...copied, metadata: { name: `bare-${name}` } } };
  // Served by somebody, run on every node, or reconciled by a layer: as large, and inert.
  if (!inert.test(type) || kind === "DaemonSet" || kind === "CronJob" || kind === "Job") {
    return {
      type: "kubernetes:core/v1:ConfigMap",
      inputs: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: `bare-${name}`, namespace: "kube-system" },
        data: { spec: JSON.stringify(spec) },
      },
    };
  }
  return { type, inputs: copied };
};
