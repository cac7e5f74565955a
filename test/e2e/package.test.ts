// Does the published package work for another team? Packed, installed into an empty project, type-checked, and run there.
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { pulumiEnvironment } from "../../commands/pulumi.ts";
import { definitionsFor } from "../../commands/stack-layers.ts";
import { cacheFolder, root } from "../../engine/folders.ts";

const program = `import { Provider } from "@pulumi/kubernetes";
import { App, type AppArgs, CoreDns, definePlatform, existing, Flux, flux } from "plumbline";
import { readDefinitions } from "plumbline/dist/definitions.js";

const provider = new Provider("files", { renderYamlToDirectory: "rendered" });
new CoreDns("dns", { address: "10.43.0.10" }, { provider });
const args: AppArgs = { repository: "https://git.example.com/p.git", path: "apps/shop" };
definePlatform({ name: "p", git: { url: args.repository, branch: "main" }, cluster: existing({}), apps: [] }, { agent: flux() });
// @ts-expect-error: an app needs a path
const wrong: AppArgs = { repository: "" };
export const declared = [App.name, Flux.name, typeof wrong, readDefinitions(["source.toolkit.fluxcd.io_gitrepositories"]).length];
`;

let work: string;
let project: string;
let packedFiles: string[];
const npm = (args: readonly string[], cwd: string) =>
  execa("npm", [...args, "--cache", join(cacheFolder(), "npm"), "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd,
  });

before(async () => {
  work = await mkdtemp(join(tmpdir(), "plumbline-package-"));
  project = join(work, "project");
  // Built aside: a half-built dist in the clone would be found by whatever runs there at the same time.
  const source = join(work, "components");
  await cp(join(root, "components"), source, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|crds)$/.test(path),
  });
  await symlink(join(root, "node_modules"), join(work, "node_modules"));
  await execa(join(root, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.json"], { cwd: source });
  await mkdir(join(source, "crds"));
  await cp(await definitionsFor([]), join(source, "crds"), {
    recursive: true,
    // The cache's own record of what it holds.
    filter: (path) => !path.endsWith(".json"),
  });
  const { stdout } = await npm(["pack", "--json", "--pack-destination", work], source);
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  packedFiles = packed?.files.map(({ path }) => path) ?? [];

  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  await mkdir(project);
  await writeFile(
    join(project, "package.json"),
    JSON.stringify({
      name: "strangers-project",
      private: true,
      type: "module",
      dependencies: {
        plumbline: `file:../${packed?.filename}`,
        "@pulumi/pulumi": manifest.dependencies["@pulumi/pulumi"],
        "@pulumi/kubernetes": manifest.dependencies["@pulumi/kubernetes"],
      },
      devDependencies: {
        typescript: manifest.devDependencies.typescript,
        "@types/node": manifest.devDependencies["@types/node"],
      },
    }),
  );
  await npm(["install", "--strict-peer-deps", "--prefer-offline"], project);
  await writeFile(join(project, "index.ts"), program);
  await writeFile(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        strict: true,
        noEmit: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: true,
        types: ["node"],
      },
      include: ["index.ts"],
    }),
  );
  await writeFile(
    join(project, "Pulumi.yaml"),
    "name: stranger\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );
});
after(() => rm(work, { recursive: true, force: true }));

test("the package holds JavaScript, types, sources and definitions, and nothing else", () => {
  for (const wanted of [
    "dist/index.js",
    "dist/index.d.ts",
    "index.ts",
    "agent/flux.ts",
    "tsconfig.json",
    "crds/source.toolkit.fluxcd.io_gitrepositories.yaml",
  ]) {
    assert.ok(packedFiles.includes(wanted), wanted);
  }
  const foreign = packedFiles.filter(
    (file) => !/^(package\.json|tsconfig\.json|[a-z]+\/.+\.(js|js\.map|ts|yaml)|[^/]+\.ts)$/.test(file),
  );
  assert.deepEqual(foreign, []);
});

test("a stranger's program type-checks", async () => {
  await execa("tsc", { cwd: project, preferLocal: true, localDir: project });
});

test("a stranger's program runs in a real Pulumi", async () => {
  const env = {
    ...(await pulumiEnvironment(join(work, "state"))),
    PULUMI_CONFIG_PASSPHRASE: "a",
    PULUMI_CONFIG_PASSPHRASE_FILE: "",
    // The definitions must come from the package.
    PLUMBLINE_CRDS: "",
  };
  const pulumi = (...args: string[]) => execa("pulumi", [...args, "--non-interactive"], { cwd: project, env });
  await pulumi("stack", "init", "dev");
  const { stdout } = await pulumi("preview", "--stack", "dev");
  assert.match(stdout, /plumbline:index:CoreDns\s+dns\s+create/);
  await pulumi("up", "--stack", "dev", "--yes", "--skip-preview");
  const { stdout: declared } = await pulumi("stack", "output", "--stack", "dev", "declared", "--json");
  assert.deepEqual(JSON.parse(declared), ["App", "Flux", "object", 1]);
  const rendered = await readdir(join(project, "rendered"), { recursive: true });
  assert.ok(
    rendered.some((file) => /deployment.*coredns/.test(file)),
    rendered.join("\n"),
  );
});
