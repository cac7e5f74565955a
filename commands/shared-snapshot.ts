// How do many apps of one commit read it without a process of Git for each? One listing, and what is asked for at one time is
// read at once.
import { type Entry, openRepository, type Snapshot } from "../components/delivery/repository.ts";

const opened = new Map<string, Promise<Snapshot>>();

/**
 * A repository of this machine at a commit, opened once in this process.
 *
 * @throws SourceError as {@link openRepository} does
 */
export const sharedSnapshot = (place: string, commit: string, url: string): Promise<Snapshot> => {
  const key = `${place} ${commit} ${url}`;
  const known = opened.get(key);
  if (known) return known;
  const opening = openRepository(place, { commit }).then((snapshot) => ({
    ...snapshot,
    url,
    read: gathered(snapshot.read),
  }));
  opened.set(key, opening);
  // A commit that is not there yet may come with the next push.
  opening.catch(() => opened.delete(key));
  return opening;
};

/** Puts what is asked for before the next turn of the event loop into one question. */
const gathered = (read: Snapshot["read"]): Snapshot["read"] => {
  let wanted = new Map<string, Entry>();
  let answer: ReturnType<Snapshot["read"]> | undefined;
  return async (entries) => {
    for (const entry of entries) wanted.set(entry.path, entry);
    answer ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      const now = [...wanted.values()];
      wanted = new Map();
      answer = undefined;
      return read(now);
    });
    const all = await answer;
    return new Map(entries.flatMap(({ path }) => (all.has(path) ? [[path, all.get(path) as Buffer]] : [])));
  };
};
