// The same platform on a cluster that somebody else runs: here a bare one of ours, which knows nothing of the clone.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { programFolder } from "../../engine/program-folder.ts";
import { programsFor } from "../../engine/programs.ts";
import { resolve } from "../../engine/resolve.ts";
import { readCluster, stopCluster } from "../../local/cluster.ts";
import { ensureExampleRepository } from "../../local/example.ts";
import { gitServerParts } from "../../local/git-process.ts";
import { imageHost, images } from "../../local/images.ts";
import { addresses } from "../../local/network.ts";
import { type Clone, cloneHere } from "../clone.ts";
import { applyWeb, ask, eventually, freshState, needsRoot, start } from "./cluster-fixtures.ts";
import { adoptionCases } from "./context-adoption.ts";

describe("npm start -- --context", { skip: needsRoot, timeout: 600_000 }, () => {
  const state = freshState();
  const git = `http://${addresses.controlPlane}:3000/platform.git`;
  const environment = { KUBECONFIG: join(state, "kubeconfig", "ci.yaml") };
  let clone: Clone;

  before(async () => {
    clone = await cloneHere("context");
    await ensureExampleRepository(state, "existing");
    const server = await gitServerParts();
    const programs = ["pause", "coredns", "busybox", "source-controller", "kustomize-controller", "hello"];
    await start(state, {
      programs: await programFolder((await resolve(programsFor([]))).values()),
      images: images.filter(({ program }) => programs.includes(program)),
      processes: [server.process],
      mounts: server.mounts,
      forwards: [{ name: "hello", listen: "127.0.0.1:0", target: "hello.hello.svc.cluster.local:80" }],
    });
    await applyWeb(state);
  });
  after(async () => {
    await clone.remove();
    await stopCluster({ state, keep: false });
    await rm(state, { recursive: true, force: true });
  });

  const startThere = () =>
    clone.plumbline(["start", "--context", "plumbline", "--git", git, "--registry", imageHost], { environment });

  it("delivers the app there, and waits until it is healthy", async () => {
    const { exitCode, all } = await startThere();
    assert.equal(exitCode, 0, all);
    const answer = await eventually("the app answers", 30, () => ask(readCluster(state)?.forwards.hello ?? ""));
    assert.match(answer, /[0-9a-f]{40}/);
  });
  it("starts nothing on this machine", async () => {
    assert.equal((await clone.status()).phase, "stopped");
  });
  it("changes nothing the second time", async () => {
    const { exitCode, all } = await startThere();
    assert.equal(exitCode, 0, all);
    const preview = await clone.plumbline(["pulumi", "preview", "--refresh", "--expect-no-changes"], { environment });
    assert.equal(preview.exitCode, 0, preview.all);
  });
  it("leaves the cluster as it was", async () => {
    const { exitCode, all } = await clone.plumbline(["pulumi", "destroy", "--yes"], { environment });
    assert.equal(exitCode, 0, all);
    await eventually("no app answers", 30, () =>
      ask(readCluster(state)?.forwards.hello ?? "").then(
        () => undefined,
        () => true,
      ),
    );
  });

  describe("a cluster that its people have filled by kubectl", () =>
    adoptionCases(() => ({ state, clone, git, environment, imageHost })));
});
