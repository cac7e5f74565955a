// `plumbline doctor`: what is wanted, what was found and where, what is missing, and the exact way out. Changes nothing.
import pc from "picocolors";
import { inspect, inspectMachine, type MachineReport, type ProgramReport } from "../engine/doctor.ts";
import { programsFor } from "../engine/programs.ts";
import { loadStack, stackNames } from "../stacks/shared/load.ts";
import { exit } from "./failure.ts";
import { implementationsOfStack } from "./stack-layers.ts";
import { table } from "./table.ts";

/** Prints the machine and every program of a stack; exits 1 when a person has to act before it can start. */
export const doctor = async ({ json, stack }: { json: boolean; stack: string }): Promise<void> => {
  const [machine, programs] = await Promise.all([inspectMachine(), inspect(await programsOf(stack))]);
  process.stdout.write(json ? `${JSON.stringify({ machine, programs }, null, 2)}\n` : page(machine, programs));
  if (machine.some(({ good }) => !good) || programs.some(({ obtainable }) => !obtainable))
    process.exitCode = exit.failed;
};

// The stack of a person's own cluster is no file that loads without its configuration; a name that is none is refused.
const programsOf = async (stack: string) => {
  if (!stackNames().includes(stack)) await loadStack(stack);
  return programsFor(await implementationsOfStack(stack));
};

const page = (machine: readonly MachineReport[], programs: readonly ProgramReport[]): string => {
  const missing = programs.filter(({ path }) => !path);
  const stuck = programs.filter(({ obtainable }) => !obtainable).length + machine.filter(({ good }) => !good).length;
  const verdict =
    stuck > 0
      ? `${pc.red("✖")} ${stuck} ${stuck === 1 ? "thing needs" : "things need"} you before \`npm start\` can work.`
      : missing.length > 0
        ? `${pc.green("✔")} \`npm start\` will get the ${missing.length} programs that are missing.`
        : `${pc.green("✔")} Everything is there.`;
  return [
    table(
      ["MACHINE", "", "FOUND", ""],
      machine.map(({ check, good, found, wayOut }) => [check, mark(good), found, wayOut ?? ""]),
    ),
    "\n",
    table(
      ["PROGRAM", "", "WANTED", "FOUND", "FROM", "WHERE, OR WHAT HAPPENS"],
      programs.map(({ program, wanted, found, from, path, missing: what, wayOut, obtainable }) => [
        program,
        path ? mark(true) : obtainable ? pc.yellow("…") : mark(false),
        wanted,
        found ?? "",
        from ?? "",
        path ?? [what, wayOut].filter(Boolean).join("; "),
      ]),
    ),
    `\n${verdict}\n`,
  ].join("");
};

const mark = (good: boolean): string => (good ? pc.green("✔") : pc.red("✖"));
