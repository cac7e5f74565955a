// Progress of long work: named steps with an expected cost, so that a person sees what runs, how far it is and what is left.
import { Listr, type ListrTask } from "listr2";

/** Tells a person how a running step is getting on: one short phrase, replaced by the next. */
export type Say = (detail: string) => void;

/** One step of a plan. */
export interface Step {
  /** What a person reads, in the imperative: "Build kube-apiserver". */
  readonly title: string;
  /** Expected cost in seconds on 2 cores; from the cost recorded at the last run where there is one. */
  readonly seconds: number;
  readonly run: (say: Say, signal: AbortSignal) => Promise<void>;
}

/** Plans that run at the same time; the group ends with the last of them. */
export interface Parallel {
  readonly parallel: readonly Plan[];
}

/** What runs one after the other. */
export type Plan = readonly (Step | Parallel)[];

export interface PlanOptions {
  /** Where progress goes. Default: stderr, so that stdout stays for data. */
  readonly stream?: NodeJS.WriteStream | (NodeJS.WritableStream & { readonly isTTY?: boolean });
  /** Ends the plan as Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** Named in the message of a failure. */
  readonly log?: string;
  /** Milliseconds that a running step has for cleaning up after Ctrl-C. Default: 10 s. */
  readonly patience?: number;
  /** Milliseconds between two lines about a running step where there is no TTY. Default: 10 s. */
  readonly interval?: number;
}

/** Ended by the person; everything done so far is kept. */
export class Interrupted extends Error {
  /** 128 + SIGINT, as shells have it. */
  readonly exitCode = 130;

  constructor() {
    super("Interrupted. What is done stays done: the next run continues from there.");
    this.name = "Interrupted";
  }
}

/** A step failed: which, why, and where to read more. */
export class StepFailed extends Error {
  readonly exitCode = 1;
  readonly step: string;

  constructor(step: string, cause: unknown, log?: string) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${step}: ${why}${log ? `\nLog: ${log}` : ""}`, { cause });
    this.name = "StepFailed";
    this.step = step;
  }
}

/**
 * Runs the plan and shows it: one moving block on a TTY, plain lines elsewhere. SIGINT and SIGTERM abort the running
 * steps, wait for their clean-up, and reject with {@link Interrupted}; a second one ends the process at once.
 */
export async function runPlan(plan: Plan, options: PlanOptions = {}): Promise<void> {
  const { stream = process.stderr, patience = 10_000 } = options;
  const steps = flatten(plan);
  if (!steps.length) return;
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Interrupted());
  let told = 0;
  const onSignal = (): void => {
    // A terminal tells every process of the job, and npm and the launcher pass it on: that is still one Ctrl-C.
    const again = controller.signal.aborted && performance.now() - told > 500;
    if (again) process.exit(130);
    if (controller.signal.aborted) return;
    told = performance.now();
    stream.write("\nEnding the running step; Ctrl-C again ends at once.\n");
    abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  const run: Run = {
    steps,
    plan,
    stream,
    controller,
    patience,
    interval: options.interval ?? 10_000,
    done: new Map(),
    started: new Map(),
    ...(options.log !== undefined && { log: options.log }),
  };
  try {
    await (stream.isTTY ? onTerminal(run) : inLines(run));
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    options.signal?.removeEventListener("abort", abort);
  }
}

interface Run {
  readonly steps: readonly Step[];
  readonly plan: Plan;
  readonly stream: NodeJS.WritableStream;
  readonly controller: AbortController;
  readonly patience: number;
  readonly interval: number;
  readonly log?: string;
  /** Seconds each finished step took. */
  readonly done: Map<Step, number>;
  /** When each started step began, by `performance.now()`. */
  readonly started: Map<Step, number>;
}

/** Seconds that are left: what follows adds up, what runs at the same time takes as long as the longest. */
export function secondsLeft(plan: Plan, done: ReadonlyMap<Step, number>, elapsed: ReadonlyMap<Step, number>): number {
  let left = 0;
  for (const part of plan) {
    if ("parallel" in part) left += Math.max(0, ...part.parallel.map((lane) => secondsLeft(lane, done, elapsed)));
    // A step that takes longer than expected will not end this instant: count a tenth of it as still to come.
    else if (!done.has(part)) left += Math.max(part.seconds - (elapsed.get(part) ?? 0), part.seconds / 10);
  }
  return left;
}

/** A duration as people say it. */
export const spoken = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;

const flatten = (plan: Plan): Step[] =>
  plan.flatMap((part) => ("parallel" in part ? part.parallel.flatMap(flatten) : [part]));

const aboutLeft = ({ plan, done, started }: Run): string => {
  const now = performance.now();
  const elapsed = new Map([...started].map(([step, since]) => [step, (now - since) / 1000]));
  return `about ${spoken(secondsLeft(plan, done, elapsed))} left`;
};

/** Runs one step; after an abort it has a bounded time to end. */
async function runStep(run: Run, step: Step, say: Say): Promise<void> {
  const { signal } = run.controller;
  signal.throwIfAborted();
  const began = performance.now();
  run.started.set(step, began);
  let timer: NodeJS.Timeout | undefined;
  let giveUp = (): void => {};
  const given = new Promise<never>((_, reject) => {
    giveUp = () => {
      timer = setTimeout(() => reject(signal.reason), run.patience);
    };
  });
  signal.addEventListener("abort", giveUp);
  try {
    await Promise.race([step.run(say, signal), given]);
    run.done.set(step, (performance.now() - began) / 1000);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const failure = new StepFailed(step.title, error, run.log);
    run.controller.abort(failure); // what runs beside it ends too
    throw failure;
  } finally {
    signal.removeEventListener("abort", giveUp);
    clearTimeout(timer);
  }
}

async function inLines(run: Run): Promise<void> {
  const line = (text: string): void => void run.stream.write(`${text}\n`);
  const one = async (step: Step): Promise<void> => {
    const name = `[${run.steps.indexOf(step) + 1}/${run.steps.length}] ${step.title}`;
    const began = performance.now();
    let detail = "";
    const state = (): string => spoken((performance.now() - began) / 1000);
    line(`${name} … ${aboutLeft(run)}`);
    const timer = setInterval(() => {
      line(`${name} … ${state()}${detail ? `, ${detail}` : ""}, ${aboutLeft(run)}`);
    }, run.interval);
    try {
      await runStep(run, step, (text) => {
        detail = text;
      });
      line(`${name} done in ${state()}`);
    } catch (error) {
      line(`${name} ${run.controller.signal.reason instanceof Interrupted ? "ended" : "failed"} after ${state()}`);
      throw error;
    } finally {
      clearInterval(timer);
    }
  };
  const all = async (plan: Plan): Promise<void> => {
    for (const part of plan)
      if ("parallel" in part) await everyOne(part.parallel.map(all));
      else await one(part);
  };
  await all(run.plan);
}

async function onTerminal(run: Run): Promise<void> {
  const began = performance.now();
  const tasks = (plan: Plan): ListrTask[] =>
    plan.map((part) =>
      "parallel" in part
        ? {
            task: (_, task) =>
              task.newListr(
                part.parallel.map((lane) => ({ task: (_, inner) => inner.newListr(tasks(lane)) })),
                { concurrent: true },
              ),
          }
        : {
            title: part.title,
            task: async (_, task) => {
              let detail = "";
              const began = performance.now();
              const show = (): void => {
                task.title = `${part.title} · ${spoken((performance.now() - began) / 1000)} · ${aboutLeft(run)}`;
                task.output = detail;
              };
              show();
              const timer = setInterval(show, 1000);
              try {
                await runStep(run, part, (text) => {
                  detail = text;
                  task.output = text;
                });
                task.title = `${part.title} · ${spoken((performance.now() - began) / 1000)}`;
              } finally {
                clearInterval(timer);
              }
            },
          },
    );
  const list = new Listr(tasks(run.plan), {
    renderer: "default",
    registerSignalListeners: false,
    rendererOptions: { collapseSubtasks: false, showErrorMessage: false, lazy: false },
  });
  try {
    await list.run();
    run.stream.write(`Done in ${spoken((performance.now() - began) / 1000)}.\n`);
  } catch (error) {
    throw run.controller.signal.aborted ? run.controller.signal.reason : error;
  }
}

/** Waits for all, then fails with the first failure: nothing is left running behind it. */
async function everyOne(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
