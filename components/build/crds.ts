// Where does the package get the definitions of Flux's kinds? From the archives of the very modules that its images run.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { version } from "../versions.ts";

const folder = join(import.meta.dirname, "..", "crds");
mkdirSync(folder, { recursive: true });
for (const program of ["source-controller", "kustomize-controller"] as const) {
  const module = `github.com/fluxcd/${program}@v${version(program)}`;
  const { Dir } = JSON.parse(execFileSync("go", ["mod", "download", "-json", module], { encoding: "utf8" })) as {
    Dir: string;
  };
  const definitions = join(Dir, "config", "crd", "bases");
  for (const file of readdirSync(definitions)) copyFileSync(join(definitions, file), join(folder, file));
}
console.log(folder);
