// `npm run bench`: measures a platform of its own and prints the table of docs/benchmarks.md.
export const bench = async (parts: readonly string[]): Promise<void> => {
  const { measure } = await import("../bench/measure.ts");
  await measure(parts);
};
