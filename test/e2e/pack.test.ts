// Does the pack stop a real preview? The real CLI, language host and provider, on a program that renders manifests only.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { execa } from "execa";
import { root } from "../../engine/folders.ts";
import { programFolder } from "../../engine/program-folder.ts";
import { resolve } from "../../engine/resolve.ts";
import { versions } from "../../engine/versions.ts";

const needed = [
  "pulumi",
  "pulumi-language-nodejs",
  "pulumi-resource-pulumi-nodejs",
  "pulumi-analyzer-policy-nodejs",
  "pulumi-resource-kubernetes",
  "plumbline-cel",
  "kustomize",
] as const;

describe("pulumi preview --policy-pack policies", { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "plumbline-pack-"));
  let env: Record<string, string>;
  const pulumi = (args: readonly string[], more: Record<string, string> = {}) =>
    execa("pulumi", [...args, "--non-interactive"], {
      cwd: folder,
      env: { ...env, ...more },
      reject: false,
      all: true,
    });
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: folder });
  const commit = async () => {
    await git("-C", "platform.git", "add", "--all");
    await git("-C", "platform.git", "commit", "--quiet", "--message=one");
  };
  const preview = (more: Record<string, string>, stack = "dev") =>
    pulumi(["preview", "--stack", stack, "--policy-pack", join(root, "policies")], more);

  before(async () => {
    const resolved = await resolve(needed);
    const bin = await programFolder(resolved.values());
    const plugin = join(folder, "home", "plugins", `resource-kubernetes-v${versions["pulumi-kubernetes"]}`);
    mkdirSync(plugin, { recursive: true });
    mkdirSync(join(folder, "state"));
    symlinkSync(resolved.get("pulumi-resource-kubernetes")?.path ?? "", join(plugin, "pulumi-resource-kubernetes"));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "Pulumi.yaml"), "name: pack\nruntime: {name: nodejs, options: {typescript: false}}\n");
    writeFileSync(join(folder, "package.json"), '{"name": "pack", "type": "module", "main": "index.js"}\n');
    writeFileSync(join(folder, "index.js"), program);
    env = {
      PATH: [dirname(process.execPath), bin, process.env.PATH].join(":"),
      PULUMI_HOME: join(folder, "home"),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PLUMBLINE_CEL: join(bin, "plumbline-cel"),
    };
    for (const stack of ["dev", "local"]) {
      const made = await pulumi(["stack", "init", stack]);
      assert.equal(made.exitCode, 0, made.all);
    }
    await git("init", "--quiet", "--initial-branch=main", "platform.git");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("lets objects pass that keep the rules, with a value that is not known yet", async () => {
    const { exitCode, all } = await preview({});
    assert.equal(exitCode, 0, all);
    assert.match(all, /plumbline@v0\.1\.0/);
    assert.doesNotMatch(all, /mandatory|advisory/);
  });

  it("stops at an object that breaks some, with rule, object, field and way out", async () => {
    const { exitCode, all } = await preview({ BREAK: "yes" });
    assert.notEqual(exitCode, 0);
    assert.match(
      all,
      /\[mandatory\]\s+host-namespaces[\s\S]*Deployment shop\/bad: host-namespaces: spec\.template\.spec\.hostNetwork: .*Remove the field/,
    );
    assert.match(all, /\[mandatory\]\s+pinned-images[\s\S]*spec\.template\.spec\.containers\[app\]\.image/);
    assert.doesNotMatch(all, /default\/good:/);
  });

  it("judges the manifests of a stack's apps in Git, and warns of a clone that is not in it", async () => {
    const manifests = join(folder, "platform.git", "apps", "hello");
    cpSync(join(root, "examples", "hello", "manifests"), manifests, { recursive: true });
    await commit();
    const good = await preview({ PLUMBLINE_REPOSITORIES: folder }, "local");
    assert.equal(good.exitCode, 0, good.all);
    assert.match(good.all, /\[advisory\]\s+provenance[\s\S]*is not on branch main of .*platform\.git/);

    writeFileSync(
      join(manifests, "bad.yaml"),
      "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {hostPID: true}\n",
    );
    await commit();
    const bad = await preview({ PLUMBLINE_REPOSITORIES: folder }, "local");
    assert.notEqual(bad.exitCode, 0);
    assert.match(bad.all, /app "hello", apps\/hello\/bad\.yaml:1: Pod hello\/bad: host-namespaces: spec\.hostPID/);

    writeFileSync(join(manifests, "worse.yaml"), "a: [");
    await commit();
    const worse = await preview({ PLUMBLINE_REPOSITORIES: folder }, "local");
    assert.notEqual(worse.exitCode, 0);
    assert.match(worse.all, /app "hello": http\S+platform\.git at commit \w+: apps\/hello\/worse\.yaml:1:/);
  });

  it("fails, and says why, where plumbline-cel is missing", async () => {
    const { exitCode, all } = await preview({ PLUMBLINE_CEL: join(folder, "none") });
    assert.notEqual(exitCode, 0);
    assert.match(all, /PLUMBLINE_CEL names .*none, which is no program/);
  });
});

const program = `
import * as k8s from "@pulumi/kubernetes";
const opts = { provider: new k8s.Provider("render", { renderYamlToDirectory: "out" }) };
const map = new k8s.core.v1.ConfigMap("map", { metadata: { name: "map" } }, opts);
const container = {
  name: "app",
  image: "registry.example/app:1",
  env: [{ name: "ID", value: map.metadata.uid }],
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
};
const pod = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [container],
};
const deployment = (name, namespace, spec) => new k8s.apps.v1.Deployment(name, {
  metadata: { name, namespace },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec } },
}, opts);
deployment("good", "default", pod);
if (process.env.BREAK) deployment("bad", "shop", { ...pod, hostNetwork: true, containers: [{ ...container, image: "nginx" }] });
`;
