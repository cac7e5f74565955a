// Does a graph of names run in a circle, and through which of them?

/** The first cycle, starting and ending with the same name; undefined where there is none. Unknown names are leaves. */
export const findCycle = (edges: ReadonlyMap<string, readonly string[]>): string[] | undefined => {
  const finished = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (finished.has(name)) return undefined;
    for (const next of edges.get(name) ?? []) {
      const cycle = visit(next, [...path, name]);
      if (cycle) return cycle;
    }
    finished.add(name);
    return undefined;
  };
  for (const name of edges.keys()) {
    const cycle = visit(name, []);
    if (cycle) return cycle;
  }
  return undefined;
};
