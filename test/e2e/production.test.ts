// Does Pulumi's engine keep what production rests on: no wrong step of a version, and previews without the key of secrets?
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { blinded } from "../../commands/blind.ts";
import { pulumiEnvironment } from "../../commands/pulumi.ts";
import { root } from "../../engine/folders.ts";

// The provider of AWS is not here: the hook is bound to a resource of another one, whose inputs look the same to it.
const program = `import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { refuseWrongUpgrade } from ${JSON.stringify(join(root, "components/cluster/eks-control-plane.ts"))};

export default () => {
  const provider = new k8s.Provider("files", { renderYamlToDirectory: "rendered" });
  const declared = { apiVersion: "example.com/v1", kind: "Cluster", metadata: { name: "c" }, version: process.env.VERSION };
  const hook = new pulumi.ResourceHook("c-version", refuseWrongUpgrade, { onDryRun: true });
  new k8s.apiextensions.CustomResource("c", declared, { provider, hooks: { beforeUpdate: [hook] } });
  const word = pulumi.secret(process.env.WORD);
  new k8s.core.v1.ConfigMap("m", { metadata: { name: "m" }, data: { password: word } }, { provider });
  // As a whole, which the state holds as one secret.
  new k8s.core.v1.Secret("s", { metadata: { name: "s" }, stringData: word.apply((password) => ({ password })) }, { provider });
};
`;

let folder: string;
let environment: Record<string, string>;
const pulumi = (args: readonly string[], variables: Record<string, string>) =>
  execa("pulumi", [...args, "--non-interactive", "--color=never"], {
    cwd: folder,
    env: { ...environment, PULUMI_STACK: "production", WORD: "open sesame", ...variables },
    reject: false,
    all: true,
  });
const applied = { PULUMI_CONFIG_PASSPHRASE: "the key of secrets" };
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "plumbline-production-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "program", private: true, type: "module" }));
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: program\nmain: index.ts\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );
  await writeFile(join(folder, "index.ts"), program);
  environment = { ...(await pulumiEnvironment(join(folder, "state"))), PULUMI_CONFIG_PASSPHRASE_FILE: "" };
  await pulumi(["stack", "init", "production"], applied);
  const made = await pulumi(["up", "--yes", "--skip-preview"], { ...applied, VERSION: "1.33" });
  assert.equal(made.exitCode, 0, made.all);
});
after(() => rm(folder, { recursive: true, force: true }));

test("a preview refuses a version that skips one, from what the state holds, and shows one step", async () => {
  const skipped = await pulumi(["preview"], { ...applied, VERSION: "1.35" });
  assert.notEqual(skipped.exitCode, 0);
  assert.match(skipped.all, /c: version: found "1\.35"; one minor version after the other: it runs 1\.33/);
  const back = await pulumi(["preview"], { ...applied, VERSION: "1.32" });
  assert.match(back.all, /takes no cluster back: it runs 1\.33/);
  const step = await pulumi(["preview"], { ...applied, VERSION: "1.34" });
  assert.equal(step.exitCode, 0, step.all);
});

test("a blinded state holds no secret, and is previewed by whoever has not its key", async () => {
  const backend = join(folder, "state", "pulumi", "backend");
  const state = await readFile(join(backend, ".pulumi", "stacks", "program", "production.json"), "utf8");
  assert.match(state, /"ciphertext"/);
  const copy = blinded(state);
  assert.doesNotMatch(copy, /ciphertext|secrets_providers/);
  await writeFile(join(folder, "blind.json"), copy);

  const elsewhere = { PULUMI_BACKEND_URL: pathToFileURL(await mkdtemp(join(folder, "preview-"))).href };
  const preview = { ...elsewhere, PULUMI_CONFIG_PASSPHRASE: "another" };
  await rm(join(folder, "Pulumi.production.yaml"));
  await pulumi(["stack", "init", "production"], preview);
  const imported = await pulumi(["stack", "import", "--file", "blind.json"], preview);
  assert.equal(imported.exitCode, 0, imported.all);
  const shown = await pulumi(["preview", "--diff"], { ...preview, VERSION: "1.34" });
  assert.equal(shown.exitCode, 0, shown.all);
  assert.match(shown.all, /version: "1\.33" => "1\.34"/);
  assert.match(shown.all, /password *: "hidden by plumbline blind" => \[secret\]/);
  assert.doesNotMatch(shown.all, /open sesame/);
});
