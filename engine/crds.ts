// Where are the CustomResourceDefinitions of the programs? Taken out of their pinned modules, into the cache.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "./errors.ts";
import { cacheFolder, root } from "./folders.ts";
import { prepareGo, runGo } from "./go.ts";
import { withLock } from "./lock.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, store } from "./store.ts";

/** Definitions in a Go module that a `go.mod` under `engine/programs/` pins. */
export interface CrdSource {
  readonly module: string;
  /** Without a leading `v`. */
  readonly version: string;
  /** Folder or file within the module. */
  readonly path: string;
  /** Folder that separates them from those of other releases. */
  readonly into?: string;
  /** Folder in `engine/programs/`; a source without one is left out. */
  readonly pinnedBy?: string;
}

/** What there is to collect. */
export interface Crds {
  readonly sources: readonly CrdSource[];
  /** The definitions in a file, by name. */
  readonly definitionsIn: (text: string) => Readonly<Record<string, string>>;
}

/**
 * The folder with the CRD files of these sources at their pinned versions. The first call needs Go and takes seconds (the
 * modules are fetched); later ones only look.
 *
 * @throws EngineError when a module is pinned at another version than the one wanted
 */
export async function crds(
  { sources, definitionsIn }: Crds,
  {
    say = () => {},
    signal = new AbortController().signal,
  }: {
    say?: Say;
    signal?: AbortSignal;
  } = {},
): Promise<string> {
  const pinned = sources.filter((source): source is Pinned => source.pinnedBy !== undefined);
  const folder = join(cacheFolder(), "crds", keyOf(pinned, definitionsIn));
  if ((await conditionOf(folder)) === "good") keepFresh(folder);
  else
    await explained(cacheFolder(), () =>
      withLock(
        join(folder, "..", ".lock"),
        { purpose: "collects CRDs", signal, waiting: ({ pid }) => say(`process ${pid} collects them; waiting`) },
        async () => {
          if ((await conditionOf(folder)) !== "good")
            await store(folder, (aside) => collect(pinned, definitionsIn, aside, say, signal));
        },
      ),
    );
  return folder;
}

type Pinned = CrdSource & { readonly pinnedBy: string };

const moduleFolder = (ours: string): string => join(root, "engine", "programs", ours);

function keyOf(sources: readonly Pinned[], definitionsIn: Crds["definitionsIn"]): string {
  const hash = createHash("sha256").update(JSON.stringify([3, sources, String(definitionsIn)]));
  for (const { pinnedBy } of sources)
    for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(moduleFolder(pinnedBy), file)));
  return hash.digest("hex").slice(0, 16);
}

async function collect(
  sources: readonly Pinned[],
  definitionsIn: Crds["definitionsIn"],
  aside: string,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const log = join(cacheFolder(), "log", "crds.log");
  mkdirSync(join(log, ".."), { recursive: true });
  writeFileSync(log, "");
  const temporary = join(cacheFolder(), "go", "tmp");
  mkdirSync(temporary, { recursive: true });
  for (const { module: path, version, path: place, into = "", pinnedBy } of sources) {
    say(`those of ${path}`);
    const module = moduleFolder(pinnedBy);
    const call = { go: prepareGo(module), module, log, temporary, signal };
    const answer = await runGo(call, ["mod", "download", "-json", path]);
    const { Dir, Version } = JSON.parse(answer.join("\n")) as { Dir: string; Version: string };
    if (Version !== `v${version}`)
      throw new EngineError(
        "WRONG_PIN",
        `engine/programs/${pinnedBy} pins ${path} ${Version}; its definitions are wanted at v${version}.`,
        "Let engine/programs and components/versions.ts name the same version.",
      );
    mkdirSync(join(aside, into), { recursive: true });
    for (const file of filesAt(join(Dir, place)))
      for (const [name, text] of Object.entries(definitionsIn(readFileSync(file, "utf8"))))
        writeFileSync(join(aside, into, `${name}.yaml`), text);
  }
}

const filesAt = (place: string): string[] =>
  (statSync(place).isFile() ? [place] : readdirSync(place).map((file) => join(place, file))).filter((file) =>
    /\.ya?ml$/.test(file),
  );
