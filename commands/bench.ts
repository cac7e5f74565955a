// `npm run bench`: measures a platform of its own and prints the table of docs/benchmarks.md.
export const bench = async (): Promise<void> => {
  const { measure } = await import("../bench/platform.ts");
  await measure();
};
