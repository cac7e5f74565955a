// `npm test`: the runner lies with the tests.
export const test = async (filters: readonly string[]): Promise<void> => {
  const { runTests } = await import("../test/run.ts");
  await runTests(filters);
};
