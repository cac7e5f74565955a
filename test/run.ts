// `npm test`: formatting, types and unit tests first, so that the first failure shows within seconds; then the programs
// are resolved, then what needs them: the real programs, one platform that its tests share, and clusters of their own.
// Ends with the count.
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { execa } from "execa";
import { exit } from "../commands/failure.ts";
import { planPrograms } from "../commands/program-steps.ts";
import { root } from "../engine/folders.ts";
import { programsFor } from "../engine/programs.ts";
import { runPlan } from "../engine/progress.ts";
import { cloneHere } from "./clone.ts";

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Begun first, so that the two lanes of a stage end together. */
const longest = ["test/e2e/killed-start.test.ts", "test/e2e/context.test.ts"];

/** A stage runs only when the one before has passed: what is broken below would fail above too, just slower. */
const stages = [
  { name: "unit", needsPrograms: false, atOnce: 2 },
  { name: "integration", needsPrograms: true, atOnce: 1 },
  // Its files share one platform and change it.
  { name: "platform", needsPrograms: true, atOnce: 1 },
  { name: "e2e", needsPrograms: true, atOnce: 2 },
] as const;

/**
 * Runs the tests.
 *
 * @param filters only files whose path contains one of these; all without any
 */
export const runTests = async (filters: readonly string[]): Promise<void> => {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  await check("biome", ["check", "."], count);
  await check("tsc", ["--noEmit"], count);
  let programs = false;
  for (const { name, needsPrograms, atOnce } of stages) {
    if (count.failed > 0) break;
    const files = (await Array.fromAsync(glob(`test/${name}/**/*.test.ts`, { cwd: root })))
      .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
      .sort()
      .sort((one, other) => Number(longest.includes(other)) - Number(longest.includes(one)));
    if (files.length === 0) continue;
    if (needsPrograms && !programs) {
      await runPlan((await planPrograms(programsFor([]))).steps);
      programs = true;
    }
    process.stdout.write(`\n${name} tests\n`);
    const run = () => runFiles(files, atOnce, count);
    await (name === "platform" ? withSharedPlatform(run) : run());
  }
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  if (count.failed > 0) process.exitCode = exit.failed;
  else if (count.passed === 0) {
    process.stderr.write("No test was run.\n");
    process.exitCode = exit.failed;
  }
};

/** One start for all the files of a stage: its tests leave the platform as they found it. */
const withSharedPlatform = async (work: () => Promise<void>): Promise<void> => {
  const clone = await cloneHere("platform");
  try {
    process.stdout.write("starting the platform that these tests share\n");
    const { exitCode, all } = await clone.plumbline(["start"]);
    process.stdout.write(`${all}\n`);
    if (exitCode !== 0) throw new Error(`the platform did not start: exit code ${exitCode}`);
    process.env.PLUMBLINE_TEST_CLONE = clone.folder;
    await work();
  } finally {
    await clone.remove();
  }
};

// These two count as a test each: a run whose types do not hold has not passed.
const check = async (program: string, args: readonly string[], count: Count): Promise<void> => {
  const { exitCode } = await execa(join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
  });
  if (exitCode === 0) count.passed += 1;
  else count.failed += 1;
  process.stdout.write(`${exitCode === 0 ? "✔" : "✖"} ${program} ${args.join(" ")}\n`);
};

const runFiles = (files: readonly string[], atOnce: number, count: Count): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = run({
      files: files.map((file) => join(root, file)),
      concurrency: atOnce,
      timeout: 30 * 60_000,
    });
    stream.on("test:summary", ({ file, counts }) => {
      if (file !== undefined) return;
      count.passed += counts.passed;
      count.failed += counts.tests - counts.passed - counts.skipped - counts.todo;
      count.skipped += counts.skipped + counts.todo;
    });
    stream.on("error", reject);
    const printed = stream.compose(spec);
    printed.on("end", resolve);
    printed.on("error", reject);
    printed.pipe(process.stdout, { end: false });
  });
