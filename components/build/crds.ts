// Where does the package get the definitions of its kinds? From the archives of the very modules that its images run.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../versions.ts";

const crds = join(import.meta.dirname, "..", "crds");
const certManager = { module: "github.com/cert-manager/cert-manager", folder: "deploy/crds" };
const sources: { module: string; version: string; folder: string; into?: string }[] = [
  { module: "github.com/fluxcd/source-controller", version: version("source-controller"), folder: "config/crd/bases" },
  {
    module: "github.com/fluxcd/kustomize-controller",
    version: version("kustomize-controller"),
    folder: "config/crd/bases",
  },
  { ...certManager, version: version("cert-manager-controller-1.11"), into: "cert-manager-1.11" },
  { ...certManager, version: version("cert-manager-controller"), into: "cert-manager-1.21" },
];
for (const { module, version, folder, into = "" } of sources) {
  const answer = execFileSync("go", ["mod", "download", "-json", `${module}@v${version}`], { encoding: "utf8" });
  const from = join((JSON.parse(answer) as { Dir: string }).Dir, folder);
  mkdirSync(join(crds, into), { recursive: true });
  for (const file of readdirSync(from).filter((each) => each.endsWith(".yaml"))) {
    const text = readFileSync(join(from, file), "utf8");
    // Releases name their files differently; the name of the kind is the same everywhere.
    const [plural, ...group] = (/^ {2}name: (\S+)$/m.exec(text)?.[1] ?? "").split(".");
    writeFileSync(join(crds, into, `${group.join(".")}_${plural}.yaml`), text);
  }
}
console.log(crds);
