// What is wrong with the files of a delivered commit, that its agent passes over? Read as the preview reads them.
import { isAbsolute } from "node:path";
import { AppKind } from "../components/agent/agent.ts";
import { closureOf, nestedKustomizations, RenderError } from "../components/delivery/closure.ts";
import { folderOf, kindOf } from "../components/delivery/discover.ts";
import { lockedRemotes } from "../components/delivery/remotes.ts";
import { reachable } from "../components/delivery/repository.ts";
import { seenBy } from "../components/delivery/seen.ts";
import { plainIn, readSources } from "../components/delivery/sources.ts";
import { refuseUnfetched } from "../components/delivery/unfetched.ts";
import { stateLayout } from "../engine/folders.ts";
import type { AppRecord } from "./app-records.ts";
import { sharedSnapshot } from "./shared-snapshot.ts";

/**
 * Why the preview would refuse what an agent has applied: a link that Flux leaves out, a key that Argo CD takes twice. Only of
 * repositories of this machine; undefined where nothing is wrong, or nothing can be told.
 */
export const faultOf = async (
  state: string,
  { agent, repository, commit, folder: path }: AppRecord,
): Promise<string | undefined> => {
  if (!commit || !URL.canParse(repository)) return undefined;
  const place = reachable(repository, stateLayout(state).git);
  if (!isAbsolute(place)) return undefined;
  const reader = agent === "argo-cd" ? "argo-cd" : "flux";
  try {
    const snapshot = await seenBy(await sharedSnapshot(place, commit, repository), reader);
    const kind = kindOf(snapshot, path);
    const closure = await closureOf(snapshot, path, kind, { agent: reader, remotes: lockedRemotes({ offline: true }) });
    await refuseUnfetched(snapshot, closure, reader, kind);
    const plain = plainIn(nestedKustomizations(snapshot, folderOf(path)));
    // What Argo CD passes over need be no object.
    if (kind === AppKind.Yaml) await readSources(snapshot, closure, { plain: reader === "flux" ? plain : () => false });
    return undefined;
  } catch (error) {
    return error instanceof RenderError ? error.message : undefined;
  }
};
