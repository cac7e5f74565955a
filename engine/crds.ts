// Where are the CustomResourceDefinitions of the programs? Taken out of their pinned modules, into the cache.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, root } from "./folders.ts";
import { prepareGo, runGo } from "./go.ts";
import { withLock } from "./lock.ts";
import type { Say } from "./progress.ts";
import { conditionOf, explained, keepFresh, store } from "./store.ts";

/** Modules of ours whose requirements carry CRDs, where in them, and the folder that separates releases. */
const carriers = [
  { ours: "source-controller", module: "github.com/fluxcd/source-controller", folder: "config/crd/bases", into: "" },
  {
    ours: "kustomize-controller",
    module: "github.com/fluxcd/kustomize-controller",
    folder: "config/crd/bases",
    into: "",
  },
  {
    ours: "cert-manager",
    module: "github.com/cert-manager/cert-manager",
    folder: "deploy/crds",
    into: "cert-manager-1.11",
  },
] as const;

/**
 * The folder with the CRD files of the pinned versions. The first call needs Go and takes seconds (the modules are fetched);
 * later ones only look.
 */
export async function crds({
  say = () => {},
  signal = new AbortController().signal,
}: {
  say?: Say;
  signal?: AbortSignal;
} = {}): Promise<string> {
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
  return folder;
}

const moduleFolder = (ours: string): string => join(root, "engine", "programs", ours);

function key(): string {
  const hash = createHash("sha256").update(JSON.stringify(carriers));
  for (const { ours } of carriers)
    for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(join(moduleFolder(ours), file)));
  return hash.digest("hex").slice(0, 16);
}

async function collect(aside: string, say: Say, signal: AbortSignal): Promise<void> {
  const log = join(cacheFolder(), "log", "crds.log");
  mkdirSync(join(log, ".."), { recursive: true });
  writeFileSync(log, "");
  const temporary = join(cacheFolder(), "go", "tmp");
  mkdirSync(temporary, { recursive: true });
  for (const { ours, module: path, folder, into } of carriers) {
    say(`those of ${ours}`);
    const module = moduleFolder(ours);
    const call = { go: prepareGo(module), module, log, temporary, signal };
    const answer = await runGo(call, ["mod", "download", "-json", path]);
    const from = join(JSON.parse(answer.join("\n")).Dir, folder);
    mkdirSync(join(aside, into), { recursive: true });
    for (const file of readdirSync(from).filter((each) => each.endsWith(".yaml"))) {
      const text = readFileSync(join(from, file), "utf8");
      // Releases name their files differently; the name of the kind is the same everywhere.
      const [plural, ...group] = (/^ {2}name: (\S+)$/m.exec(text)?.[1] ?? "").split(".");
      writeFileSync(join(aside, into, `${group.join(".")}_${plural}.yaml`), text);
    }
  }
}
