// Programs are built for real here, in a cache folder of this test that borrows the compiled packages of the real one.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { cacheFolder, root } from "../../engine/folders.ts";

const folder = mkdtempSync(join(tmpdir(), "plumbline-programs-"));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const script = `
  const { resolve } = await import(${JSON.stringify(join(root, "engine/resolve.ts"))});
  const { programFolder } = await import(${JSON.stringify(join(root, "engine/program-folder.ts"))});
  const controller = new AbortController();
  process.on("SIGINT", () => controller.abort(new Error("interrupted")));
  const found = await resolve(["hello", "pause"], { say: (detail) => console.error(detail), signal: controller.signal });
  console.log(found.get("hello").path, await programFolder(found.values()));
`;

interface Run {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(cache: string): Run {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, PLUMBLINE_CACHE: cache, PLUMBLINE_SOURCES: "build" },
  });
  children.add(child);
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (data) => {
    output.stdout += data;
  });
  child.stderr?.on("data", (data) => {
    output.stderr += data;
  });
  return { child, output, ended: once(child, "close").then(([code]) => ({ code, ...output })) };
}

/** A cache folder; `warm` ones share what Go has compiled before. */
function cacheNamed(name: string, { warm }: { warm: boolean }): string {
  const cache = join(folder, name);
  mkdirSync(cache);
  if (warm) borrow(cache);
  return cache;
}

function borrow(cache: string): void {
  rmSync(join(cache, "go"), { recursive: true, force: true });
  symlinkSync(join(cacheFolder(), "go"), join(cache, "go"));
}

const leftovers = (cache: string): string[] =>
  readdirSync(join(cache, "programs"), { recursive: true, encoding: "utf8" }).filter((path) => path.includes(".new-"));

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("a truncated program is thrown away and built again, with a line that says so", async () => {
  const cache = cacheNamed("truncated", { warm: true });
  const first = await start(cache).ended;
  assert.equal(first.code, 0, first.stderr);
  const [program = "", bin = ""] = first.stdout.trim().split(" ");
  const whole = statSync(program).size;
  truncateSync(program, 1000);
  const second = await start(cache).ended;
  assert.equal(second.stdout.split(" ")[0], program);
  assert.match(second.stderr, /hello has 1000 bytes instead of \d+; it is thrown away and built again/);
  assert.equal(statSync(program).size, whole);
  assert.equal(existsSync(join(bin, "pause")), true);
  const third = await start(cache).ended;
  assert.equal(third.stderr, "", "a whole program is not built again");
  assert.equal(third.stdout, second.stdout);
});

test("of two processes that need the same program, one builds and the other says whom it waits for", async () => {
  const cache = cacheNamed("together", { warm: true });
  const runs = [start(cache), start(cache)];
  const [one, other] = await Promise.all(runs.map(({ ended }) => ended));
  assert.deepEqual([one?.code, other?.code], [0, 0], `${one?.stderr}${other?.stderr}`);
  assert.equal(one?.stdout, other?.stdout);
  const pids = runs.map(({ child }) => child.pid).join("|");
  assert.match(`${one?.stderr}${other?.stderr}`, new RegExp(`process (${pids}) builds it already; waiting for that`));
  assert.deepEqual(leftovers(cache), []);
});

for (const signal of ["SIGKILL", "SIGINT"] as const)
  test(`${signal} during a build leaves nothing that is taken for a program, and the next run succeeds`, async () => {
    const cache = cacheNamed(signal, { warm: false }); // Go compiles its library first: time to be killed in
    const killed = start(cache);
    await until(() => /\d+ packages/.test(killed.output.stderr), "the build has begun");
    killed.child.kill(signal);
    const { code } = await killed.ended;
    assert.notEqual(code, 0);
    assert.equal(leftovers(cache).length > 0, signal === "SIGKILL");
    borrow(cache);
    const next = await start(cache).ended;
    assert.equal(next.code, 0, next.stderr);
    assert.deepEqual(leftovers(cache), []);
    assert.equal(existsSync(join(dirname(next.stdout.split(" ")[0] ?? ""), "SHA256SUMS.json")), true);
  });
