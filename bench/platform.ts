// How fast and how large is the platform? Five runs of what a person waits for, on a clone of its own.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { urlsOfApps } from "../commands/exposed.ts";
import { cacheFolder } from "../engine/folders.ts";
import { type Clone, eventually, type Status } from "../test/clone.ts";
import { bareProgram } from "./bare-program.ts";
import { memory, must, type Row, repeat, runs, seconds } from "./figures.ts";

/** Measures the stack `local` on a clone whose platform is stopped, and stops it again. */
export const measurePlatform = async (
  clone: Clone,
  say: (text: string) => void,
): Promise<{ readonly rows: readonly Row[]; readonly notes: string }> => {
  const rows: Row[] = [];
  say("one start that fills the caches");
  await must(clone, "start");
  await must(clone, "stop");
  say(`${runs} warm starts and stops`);
  const answers: number[] = [];
  const starts: number[] = [];
  const stops: number[] = [];
  let phases = "";
  for (let run = 0; run < runs; run++) {
    starts.push(
      await seconds(async () => {
        const [printed, answered] = await Promise.all([must(clone, "start"), seconds(() => firstAnswer(clone))]);
        phases = printed;
        answers.push(answered);
      }),
    );
    if (run < runs - 1) stops.push(await seconds(() => must(clone, "stop")));
  }
  rows.push({
    what: "`npm start`, warm, from nothing to the app's answer",
    goal: "≤ 20 s",
    values: answers,
    unit: "s",
  });
  rows.push({ what: "`npm start`, warm, until every layer is ready", goal: "", values: starts, unit: "s" });
  const status = await clone.status();
  say(`${runs} pushes`);
  rows.push({
    what: "push to live: from `git push` returning to the changed answer",
    goal: "≤ 3 s",
    values: await repeat(() => pushToLive(status)),
    unit: "s",
  });
  say("status, previews");
  rows.push({
    what: "`plumbline status`",
    goal: "≤ 1 s",
    values: await repeat(() => seconds(() => must(clone, "status"))),
    unit: "s",
  });
  rows.push({
    what: "`pulumi preview --refresh` as a ratio to a bare program with as many resources",
    goal: "≤ 1.3",
    values: await bareProgram(clone, "local"),
    unit: "",
  });
  rows.push({
    what: "`plumbline drift`",
    goal: "",
    values: await repeat(() => seconds(() => must(clone, "drift"))),
    unit: "s",
  });
  rows.push({
    what: "memory of the whole platform at rest (PSS)",
    goal: "≤ 1.2 GB",
    values: [await memory(status)],
    unit: "GB",
  });
  stops.push(await seconds(() => must(clone, "stop")));
  rows.push({ what: "`npm stop`", goal: "≤ 3 s", values: stops, unit: "s" });
  return { rows, notes: `Steps of the last start:\n\n${indent(phases)}\n\n${await costs()}` };
};

/** Ends when the exposed app answers for the first time; to be called as the start begins. */
const firstAnswer = async (clone: Clone): Promise<void> => {
  // Asked anew each time: the port is known only once the cluster runs.
  const url = () => urlsOfApps(join(clone.folder, ".plumbline"))("hello");
  await eventually(
    "the first answer",
    () =>
      fetch(url() ?? "http://127.0.0.1:9", { signal: AbortSignal.timeout(2000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    Boolean,
  );
};

let edits = 0;
const pushToLive = async ({ git, apps }: Status): Promise<number> => {
  const wanted = `Bench ${++edits}`;
  const file = join(git.example, "apps", "hello", "config.yaml");
  await writeFile(file, (await readFile(file, "utf8")).replace(/message: .*/, `message: ${wanted}`));
  await execa("git", ["commit", "--quiet", "--all", "--message", wanted], { cwd: git.example });
  const { stdout: head } = await execa("git", ["rev-parse", "HEAD"], { cwd: git.example });
  await execa("git", ["push", "--quiet"], { cwd: git.example });
  const url = apps[0]?.url ?? "";
  return seconds(() =>
    eventually(
      "the changed answer",
      async () => (await fetch(url)).text(),
      (text) => text.includes(wanted) && text.includes(head),
    ),
  );
};

const indent = (text: string): string =>
  text
    .split("\n")
    .filter((line) => /^\[\d+\/\d+\]|✔/.test(line.trim()))
    .map((line) => `    ${line}`)
    .join("\n");

/** What each program cost when it was last built on this machine. */
const costs = async (): Promise<string> => {
  const text = await readFile(join(cacheFolder(), "costs.json"), "utf8").catch(() => "{}");
  const entries = Object.entries(JSON.parse(text) as Record<string, number>).sort(([, a], [, b]) => b - a);
  const total = entries.reduce((sum, [, each]) => sum + each, 0);
  return `Last build of each program on this machine, ${Math.round(total)} s in all:\n\n${entries.map(([name, each]) => `- ${name}: ${Math.round(each)} s`).join("\n")}\n`;
};
