// Somebody's own Pulumi program on a cluster: a file of `examples/`, or a few lines, as a temporary project without Platform.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { pulumiEnvironment } from "../commands/pulumi.ts";
import { definitionsFor } from "../commands/stack-layers.ts";
import { images, localMirror } from "../components/versions.ts";
import { root } from "../engine/folders.ts";

/** What to run, and where. */
export interface ProgramOptions {
  /** Paths of programs: "examples/traefik.ts", relative to the repository. More than one make one program. */
  readonly files: readonly string[];
  /** Kubeconfig of the cluster; Kubernetes' own variable names it to the program. */
  readonly kubeconfig: string;
  /** Layer implementations whose definitions of kinds it declares. Default: none beside the agent's. */
  readonly implementations?: readonly string[];
  /** Variables for the program. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A program as a stack of its own. */
export interface TestProgram {
  /** Applies it. @throws Error with what Pulumi printed */
  readonly up: () => Promise<void>;
  /** What Pulumi would change; `same` when that is nothing, live objects included. */
  readonly preview: () => Promise<{ readonly same: boolean; readonly printed: string }>;
  /** The objects that a preview would declare, as they would go to the cluster. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind
  readonly declared: () => Promise<readonly any[]>;
  readonly outputs: () => Promise<Record<string, unknown>>;
  readonly destroy: () => Promise<void>;
  /** Removes project and state; what is in the cluster stays. */
  readonly remove: () => Promise<void>;
}

/** Makes the project. Images are those of the local platform, under whatever name the program asks for them. */
export const programOn = async (options: ProgramOptions): Promise<TestProgram> => {
  const parent = join(root, ".plumbline");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, "program-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "program", private: true, type: "module" }));
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: program\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );
  await writeFile(join(folder, "index.ts"), wrapper(options.files.map((file) => join(root, file))));
  const env = {
    ...(await pulumiEnvironment(join(folder, "state"))),
    PULUMI_STACK: "test",
    PULUMI_CONFIG_PASSPHRASE: "test",
    PULUMI_CONFIG_PASSPHRASE_FILE: "",
    PLUMBLINE_CRDS: await definitionsFor(options.implementations ?? []),
    KUBECONFIG: options.kubeconfig,
    ...options.environment,
  };
  const pulumi = async (args: readonly string[], exitCodes: readonly number[] = [0]) => {
    const { exitCode, all, stdout } = await execa("pulumi", [...args, "--non-interactive", "--color=never"], {
      cwd: folder,
      env,
      reject: false,
      all: true,
      timeout: 600_000,
    });
    if (!exitCodes.includes(exitCode ?? 1))
      throw new Error(`pulumi ${args[0]} of ${options.files.join(", ")}:\n${all}`);
    return { exitCode, all, stdout };
  };
  await pulumi(["stack", "init", "test"]);
  return {
    up: async () => {
      await pulumi(["up", "--yes", "--skip-preview"]);
    },
    preview: async () => {
      const { exitCode, all } = await pulumi(["preview", "--refresh", "--diff", "--expect-no-changes"], [0, 1, 255]);
      return { same: exitCode === 0, printed: all };
    },
    declared: async () => {
      const { stdout } = await pulumi(["preview", "--json"]);
      const { steps } = JSON.parse(stdout) as { steps: { newState?: { type: string; inputs?: unknown } }[] };
      return steps.flatMap(({ newState }) =>
        newState?.type.startsWith("kubernetes:") && newState.inputs ? [newState.inputs] : [],
      );
    },
    outputs: async () => JSON.parse((await pulumi(["stack", "output", "--json"])).stdout) as Record<string, unknown>,
    destroy: async () => {
      await pulumi(["destroy", "--yes", "--skip-preview"]);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

// The program itself names the vendors' images, as a stranger's does; the cluster has them under the local mirror's name.
const wrapper = (files: readonly string[]): string => `import * as pulumi from "@pulumi/pulumi";

const mirrored = ${JSON.stringify(
  Object.values(images).map(({ reference }) => [
    reference,
    `${localMirror}/${reference.slice(reference.indexOf("/") + 1)}`,
  ]),
)};
const replaced = (value) => {
  if (typeof value === "string") return mirrored.reduce((text, [from, to]) => text.replaceAll(from, to), value);
  if (Array.isArray(value)) return value.map(replaced);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, replaced(each)]));
};
pulumi.runtime.registerStackTransformation(({ type, props, opts }) => {
  // Pulumi waits for a Service in steps of ten seconds, after the pods behind it, which it waits for anyway.
  if (type === "kubernetes:core/v1:Service") {
    const skipping = { "pulumi.com/skipAwait": "true" };
    const metadata = pulumi.output(props.metadata).apply((given) => ({ ...given, annotations: { ...given?.annotations, ...skipping } }));
    return { props: { ...props, metadata }, opts };
  }
  return type.startsWith("kubernetes:") && /:(Deployment|StatefulSet|DaemonSet|Job|CronJob|Pod)$/.test(type)
    ? { props: { ...props, spec: pulumi.output(props.spec).apply(replaced) }, opts }
    : undefined;
});

export default async () => {
  const outputs = {};
  for (const file of ${JSON.stringify(files)}) {
    const { default: _, ...shown } = await import(file);
    Object.assign(outputs, shown);
  }
  return outputs;
};
`;
