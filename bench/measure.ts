// What is measured, and how is it told? Each part on the one clone, its platform stopped between parts.
import { type Clone, cloneHere } from "../test/clone.ts";
import { measureDelivery } from "./delivery.ts";
import { type Row, table } from "./figures.ts";
import { measureFleet } from "./fleet.ts";
import { measurePlatform } from "./platform.ts";
import { measureToolchain } from "./toolchain.ts";

type Part = (
  clone: Clone,
  say: (text: string) => void,
) => Promise<{ readonly rows: readonly Row[]; readonly notes: string }>;

const parts: Readonly<Record<string, Part>> = {
  platform: measurePlatform,
  toolchain: measureToolchain,
  delivery: measureDelivery,
  fleet: measureFleet,
};

/**
 * Measures and prints a Markdown table on stdout; progress on stderr.
 *
 * @param wanted names of parts; all without any
 * @throws Error that lists the parts, where one is unknown
 */
export const measure = async (wanted: readonly string[]): Promise<void> => {
  const unknown = wanted.find((name) => !(name in parts));
  if (unknown) throw new Error(`no part "${unknown}" of the benchmarks: ${Object.keys(parts).join(", ")}`);
  const say = (text: string) => process.stderr.write(`bench: ${text}\n`);
  const clone = await cloneHere("bench");
  try {
    const found = [];
    for (const [name, part] of Object.entries(parts))
      if (wanted.length === 0 || wanted.includes(name)) found.push(await part(clone, say));
    process.stdout.write(`${table(found.flatMap(({ rows }) => rows))}\n`);
    for (const { notes } of found) process.stdout.write(`${notes}\n`);
  } finally {
    await clone.remove();
  }
};
