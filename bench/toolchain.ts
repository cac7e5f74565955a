// How long until every layer of the full platform is ready, which of them waits for which, and how large is it all?
import { setTimeout as sleep } from "node:timers/promises";
import type { Slot } from "../components/index.ts";
import { loadStack } from "../stacks/shared/load.ts";
import type { Clone } from "../test/clone.ts";
import { bareProgram } from "./bare-program.ts";
import { memory, must, type Row, repeat, seconds } from "./figures.ts";

const stack = "local-full";

/** Measures the stack `local-full` on a clone whose platform is stopped, and stops it again. */
export const measureToolchain = async (
  clone: Clone,
  say: (text: string) => void,
): Promise<{ readonly rows: readonly Row[]; readonly notes: string }> => {
  say("the full platform, once to fill the caches");
  await must(clone, "start", "--stack", stack);
  const memories = [await memory(await clone.status())];
  say("the full platform from a bare cluster");
  let path = "";
  const removals: number[] = [];
  const starts = await repeat(async () => {
    removals.push(await seconds(() => must(clone, "destroy", "--yes")));
    const began = performance.now();
    const [took, ready] = await Promise.all([
      seconds(() => must(clone, "start", "--stack", stack)),
      readyTimes(clone, began),
    ]);
    path = await criticalPath(ready);
    return took;
  });
  say("previews of the full platform");
  const previews = await bareProgram(clone, stack);
  await must(clone, "stop");
  const rows: Row[] = [
    { what: "every layer of `local-full` ready, from a bare cluster", goal: "≤ 60 s", values: starts, unit: "s" },
    { what: "`plumbline destroy` of `local-full`", goal: "≤ 60 s", values: removals, unit: "s" },
    {
      what: "`pulumi preview --refresh` of `local-full` as a ratio to a bare program with as many resources",
      goal: "≤ 1.3",
      values: previews,
      unit: "",
    },
    { what: "memory of `local-full` at rest (PSS)", goal: "≤ 2.5 GB", values: memories, unit: "GB" },
  ];
  return { rows, notes: path };
};

/** Seconds after which each layer was ready for the first time; ends when all are. */
const readyTimes = async (clone: Clone, began: number): Promise<ReadonlyMap<string, number>> => {
  const { layers: declared } = await loadStack(stack);
  const found = new Map<string, number>();
  while (found.size < Object.keys(declared).length) {
    await sleep(500);
    const { layers } = await clone.status();
    for (const { slot, ready } of layers)
      if (ready && slot in declared && !found.has(slot)) found.set(slot, (performance.now() - began) / 1000);
  }
  return found;
};

/** From the layer that was ready last back over what it waited for. */
const criticalPath = async (ready: ReadonlyMap<string, number>): Promise<string> => {
  const { layers } = await loadStack(stack);
  const at = (slot: string) => ready.get(slot) ?? 0;
  const later = (one: string, other: string) => at(other) - at(one);
  const path: string[] = [];
  for (let slot = [...ready.keys()].sort(later)[0]; slot; ) {
    path.unshift(`${slot} (${at(slot).toFixed(0)} s)`);
    const needs: readonly Slot[] = layers[slot as keyof typeof layers]?.needs ?? [];
    slot = needs.filter((need) => ready.has(need)).sort(later)[0];
  }
  return `Critical path of \`${stack}\`, each layer with the second in which it was ready: ${path.join(" → ")}.`;
};
