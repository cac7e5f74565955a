import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { built, keyOf } from "../../../engine/builds.ts";
import { root } from "../../../engine/folders.ts";
import { allPrograms, type BuildName, buildOf, builds, rowOf } from "../../../engine/programs.ts";

const names = Object.keys(builds) as BuildName[];
const extra = join(root, "engine/programs/images/pause/extra.go");
after(() => rmSync(extra, { force: true }));

test("a key is stable, and changes with the sources", () => {
  const before = keyOf("pause");
  assert.match(before, /^[0-9a-f]{16}$/);
  assert.equal(keyOf("pause"), before);
  writeFileSync(extra, "package main\n");
  assert.notEqual(keyOf("pause"), before);
  rmSync(extra);
  assert.equal(keyOf("pause"), before);
});

test("every build has a key of its own, also two of one module", () => {
  assert.equal(new Set(names.map(keyOf)).size, names.length);
});

test("every module pins its versions and their sums, and every program comes out of its build", () => {
  for (const name of names) {
    const module = join(root, buildOf(name).folder);
    assert.match(readFileSync(join(module, "go.mod"), "utf8"), /^go 1\.\d+(\.\d+)?$/m);
    if (/^require/m.test(readFileSync(join(module, "go.mod"), "utf8")))
      assert.ok(existsSync(join(module, "go.sum")), name);
  }
  for (const program of allPrograms) {
    const { build, debian, files } = rowOf(program);
    if (!build) {
      assert.ok(debian ?? files, `${program} comes from nowhere`);
      continue;
    }
    const { outputs, links = {}, scripts = [] } = buildOf(build);
    const made = [
      ...Object.keys(outputs),
      ...Object.values(links).flat(),
      ...scripts.map((path) => path.split("/").at(-1)),
    ];
    assert.ok(made.includes(program), `${build} does not make ${program}`);
  }
});

test("every pinned version is the one that the module requires", () => {
  const required: Partial<Record<BuildName, string>> = {
    kubernetes: `k8s.io/kubernetes v${rowOf("kubectl").version}`,
    etcd: `go.etcd.io/etcd/server/v3 v${rowOf("etcd").version}`,
    containerd: `github.com/containerd/containerd/v2 v${rowOf("containerd").version}`,
    cni: `github.com/containernetworking/plugins v${rowOf("portmap").version}`,
    pulumi: `github.com/pulumi/pulumi/pkg/v3 v${rowOf("pulumi").version}`,
    coredns: `github.com/coredns/coredns v${rowOf("coredns").version}`,
    "source-controller": `github.com/fluxcd/source-controller v${rowOf("source-controller").version}`,
    "kustomize-controller": `github.com/fluxcd/kustomize-controller v${rowOf("kustomize-controller").version}`,
    kustomize: `sigs.k8s.io/kustomize/kustomize/v5 v${rowOf("kustomize").version}`,
    "helm-controller": `github.com/fluxcd/helm-controller v${rowOf("helm-controller").version}`,
    helm: `helm.sh/helm/v4 v${rowOf("helm").version}`,
    "local-path-provisioner": `github.com/rancher/local-path-provisioner v${rowOf("local-path-provisioner").version}`,
    "argo-cd": `github.com/argoproj/argo-cd/v3 v${rowOf("argocd").version}`,
    "argo-cd-helm": `helm.sh/helm/v3 v${rowOf("argocd-helm").version}`,
    "metrics-server": `sigs.k8s.io/metrics-server v${rowOf("metrics-server").version}`,
  };
  for (const [name, line] of Object.entries(required))
    assert.ok(
      readFileSync(join(root, buildOf(name as BuildName).folder, "go.mod"), "utf8").includes(line),
      `${name}: ${line}`,
    );
});

test("looking for a build makes nothing", async () => {
  const cache = join(root, ".plumbline", "no-such-cache");
  process.env.PLUMBLINE_CACHE = cache;
  const { folder, condition } = await built("pause");
  delete process.env.PLUMBLINE_CACHE;
  assert.deepEqual([folder.startsWith(cache), condition, existsSync(folder)], [true, "missing", false]);
});
