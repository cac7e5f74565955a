// `npm test`: formatting, types and unit tests first, so that the first failure shows within seconds; then the programs
// are resolved, then what needs them: the real programs, one platform that its tests share beside clusters of their own, and
// at last the platform that has every layer beside the layers alone. Ends with the count.
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { execa } from "execa";
import { exit } from "../commands/failure.ts";
import { planPrograms } from "../commands/program-steps.ts";
import { root } from "../engine/folders.ts";
import { allPrograms, type Program, programsFor } from "../engine/programs.ts";
import { runPlan } from "../engine/progress.ts";
import { cloneHere } from "./clone.ts";
import { sweep } from "./sweep.ts";

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Run at the end of its stage: it leaves nothing of the platform that the others share. */
const last = "test/full/teardown.test.ts";

interface Stage {
  readonly name: string;
  readonly files: string;
  /** Which programs must be there: those of the cluster, or those of every layer too. */
  readonly programs: "none" | "cluster" | "all";
  readonly atOnce: number;
  /** Its files share one platform of this stack; they leave it as they found it. */
  readonly stack?: string;
}

/**
 * Stages of one step run side by side: most of what they do is waiting for a cluster, each for its own. A step begins only
 * when the one before has passed: what is broken below would fail above too, just slower. The programs of the layers are
 * built while the steps run that don't need them.
 */
const steps: readonly (readonly Stage[])[] = [
  [{ name: "unit", files: "test/unit/**/*.test.ts", programs: "none", atOnce: 2 }],
  [{ name: "integration", files: "test/integration/!(layers)/**/*.test.ts", programs: "cluster", atOnce: 1 }],
  [
    { name: "platform", files: "test/platform/*.test.ts", programs: "cluster", atOnce: 1, stack: "local" },
    { name: "e2e", files: "test/e2e/**/*.test.ts", programs: "cluster", atOnce: 1 },
  ],
  [
    { name: "full", files: "test/full/*.test.ts", programs: "all", atOnce: 1, stack: "local-full" },
    { name: "layers", files: "test/integration/layers/**/*.test.ts", programs: "all", atOnce: 1 },
  ],
];

/**
 * Runs the tests.
 *
 * @param filters only files whose path contains one of these; all without any
 */
export const runTests = async (filters: readonly string[]): Promise<void> => {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  await sweep();
  await check("biome", ["check", "."], count);
  await check("tsc", ["--noEmit"], count);
  const chosen = await Promise.all(
    steps.map((step) => Promise.all(step.map(async (stage) => ({ ...stage, files: await filesOf(stage, filters) })))),
  );
  const wanted = chosen.map((step) => step.filter(({ files }) => files.length > 0)).filter((step) => step.length > 0);
  const later = (programs: Stage["programs"]) => wanted.flat().some((stage) => stage.programs === programs);
  let there: Stage["programs"] = "none";
  let ahead: Ahead | undefined;
  try {
    for (const step of wanted) {
      if (count.failed > 0 || interruption.signal.aborted) break;
      const needed = (programs: Stage["programs"]) => step.some((stage) => stage.programs === programs);
      if (needed("cluster") && there === "none") {
        await getPrograms(programsFor([]));
        there = "cluster";
        if (later("all")) ahead = getAhead();
      }
      if (needed("all") && there !== "all") {
        await ahead?.end();
        await getPrograms(allPrograms);
        there = "all";
      }
      await Promise.all(step.map((stage) => runStage(stage, count, interruption.signal)));
    }
  } finally {
    await ahead?.end();
  }
  if (interruption.signal.aborted) await sweep();
  process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  if (interruption.signal.aborted) {
    process.stderr.write("Interrupted; the platforms of the tests are stopped.\n");
    process.exitCode = exit.interrupted;
  } else if (count.failed > 0) process.exitCode = exit.failed;
  else if (count.passed === 0) {
    process.stderr.write("No test was run.\n");
    process.exitCode = exit.failed;
  }
};

const runStage = async (
  { name, files, atOnce, stack }: Omit<Stage, "files"> & { readonly files: readonly string[] },
  count: Count,
  signal: AbortSignal,
): Promise<void> => {
  process.stdout.write(`\n${name} tests\n`);
  const began = performance.now();
  const run = () => runFiles(files, atOnce, count, signal);
  await (stack ? withSharedPlatform(stack, run, signal) : run());
  process.stdout.write(`${name} tests ended after ${Math.round((performance.now() - began) / 1000)} s\n`);
};

const filesOf = async (stage: { readonly files: string }, filters: readonly string[]): Promise<string[]> =>
  (await Array.fromAsync(glob(stage.files, { cwd: root })))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort()
    .sort((one, other) => Number(one === last) - Number(other === last));

const getPrograms = async (programs: readonly Program[]): Promise<void> =>
  runPlan((await planPrograms(programs)).steps);

/** Programs that are got aside. */
interface Ahead {
  /** What is there is there; what isn't yet is got by whoever asks, with its progress and its errors. */
  readonly end: () => Promise<void>;
}

// At the lowest priority: the clusters of the tests have bounds to keep.
const getAhead = (): Ahead => {
  const child = execa("nice", ["-n", "19", process.execPath, join(root, "launch.mjs"), "get"], {
    cwd: root,
    stdio: "ignore",
    reject: false,
    // Go is asked to end first, and ends within seconds.
    forceKillAfterDelay: 30_000,
  });
  return {
    end: async () => {
      child.kill("SIGTERM");
      await child;
    },
  };
};

/** One start for all the files of a stage: its tests leave the platform as they found it. */
const withSharedPlatform = async (stack: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  const clone = await cloneHere(stack);
  try {
    process.stdout.write(`starting the platform that these tests share, stack ${stack}\n`);
    const { exitCode, all } = await clone.plumbline(["start", "--stack", stack], { signal });
    process.stdout.write(`${all}\n`);
    if (signal.aborted) return;
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

const runFiles = (files: readonly string[], atOnce: number, count: Count, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = run({
      files: files.map((file) => join(root, file)),
      concurrency: atOnce,
      timeout: 30 * 60_000,
      signal,
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
