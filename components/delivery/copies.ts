// From which copy of its repository is an app delivered? After a push, Flux goes through all apps of a source before it is done,
// in an order that knows nothing of what changed; several sources of one repository let the changed ones be told first.
import type { AppDeclaration } from "./declaration.ts";

/** Apps of one copy: those of a changed app wait for it by some half of these, each a tenth of a second. */
const least = 16;

/**
 * The number of the copy for each app. Apps that wait for each other share one, since Flux compares the commits of two apps
 * only where they have one source. Few apps have the first copy, number 0, alone.
 *
 * @param sourceOf what tells one source from another: repository and revision
 */
export const copiesOf = (
  apps: readonly AppDeclaration[],
  sourceOf: (app: AppDeclaration) => string,
): ReadonlyMap<string, number> => {
  const copies = new Map<string, number>();
  const sources = Map.groupBy(apps, sourceOf);
  for (const members of sources.values()) {
    // Each copy is fetched and kept: their number grows with the square root of that of the apps, in steps, so that one
    // app more moves few of the others.
    let size = least;
    while (size * size < members.length) size *= 2;
    let copy = 0;
    let filled = 0;
    for (const together of connected(members)) {
      if (filled > 0 && filled + together.length > size) {
        copy += 1;
        filled = 0;
      }
      for (const { name } of together) copies.set(name, copy);
      filled += together.length;
    }
  }
  return copies;
};

/** Apps that depend on each other, however far, in the order of their first. */
const connected = (apps: readonly AppDeclaration[]): AppDeclaration[][] => {
  const groups = new Map<string, AppDeclaration[]>(apps.map((app) => [app.name, [app]]));
  for (const { name, dependsOn = [] } of apps) {
    for (const other of dependsOn) {
      const [mine, its] = [groups.get(name), groups.get(other)];
      if (!mine || !its || mine === its) continue;
      its.push(...mine);
      for (const each of mine) groups.set(each.name, its);
    }
  }
  return [...new Set(groups.values())];
};
