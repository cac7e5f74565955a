// Where are the CustomResourceDefinitions of the pull agent? Taken out of its pinned modules, into the cache.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { cacheFolder, root } from "./folders.ts";
import { prepareGo, runGo } from "./go.ts";
import { withLock } from "./lock.ts";
import { buildOf } from "./programs.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, store } from "./store.ts";

/** Builds whose modules carry CRDs, and the path of the module. */
const carriers = {
  "source-controller": "github.com/fluxcd/source-controller",
  "kustomize-controller": "github.com/fluxcd/kustomize-controller",
} as const;

/**
 * Absolute paths of the CRD files of source-controller and kustomize-controller at their pinned versions, all in one
 * folder. The first call needs Go and takes seconds (the modules are fetched); later ones only look.
 */
export async function crds({
  say = () => {},
  signal = new AbortController().signal,
}: {
  say?: Say;
  signal?: AbortSignal;
} = {}): Promise<string[]> {
  const folder = join(cacheFolder(), "crds", key());
  if ((await conditionOf(folder)) === "good") keepFresh(folder);
  else
    await explained(cacheFolder(), () =>
      withLock(
        join(folder, "..", ".lock"),
        { purpose: "collects CRDs", signal, waiting: ({ pid }) => say(`process ${pid} collects them; waiting`) },
        async () => {
          if ((await conditionOf(folder)) !== "good") await store(folder, (aside) => collect(aside, say, signal));
        },
      ),
    );
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .map((file) => join(folder, file));
}

const moduleFolder = (name: keyof typeof carriers): string => resolve(root, buildOf(name).folder);

function key(): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(carriers) as (keyof typeof carriers)[])
    for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(moduleFolder(name), file)));
  return hash.digest("hex").slice(0, 16);
}

async function collect(aside: string, say: Say, signal: AbortSignal): Promise<void> {
  const log = join(cacheFolder(), "log", "crds.log");
  mkdirSync(join(log, ".."), { recursive: true });
  writeFileSync(log, "");
  const temporary = join(cacheFolder(), "go", "tmp");
  mkdirSync(temporary, { recursive: true });
  for (const [name, path] of Object.entries(carriers) as [keyof typeof carriers, string][]) {
    say(`those of ${name}`);
    const module = moduleFolder(name);
    const call = { go: prepareGo(module), module, log, temporary, signal };
    const answer = await runGo(call, ["mod", "download", "-json", path]);
    const bases = join(JSON.parse(answer.join("\n")).Dir, "config", "crd", "bases");
    for (const file of readdirSync(bases)) copyFileSync(join(bases, file), join(aside, file));
  }
}
