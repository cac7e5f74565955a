// Where does the package get the definitions of its kinds? From the archives of the very modules that its images run.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { definitionSources, definitionsIn } from "../definition-sources.ts";

const crds = join(import.meta.dirname, "..", "crds");
for (const { module, version, path, into = "" } of definitionSources) {
  const answer = execFileSync("go", ["mod", "download", "-json", `${module}@v${version}`], { encoding: "utf8" });
  const place = join((JSON.parse(answer) as { Dir: string }).Dir, path);
  const files = statSync(place).isFile() ? [place] : readdirSync(place).map((file) => join(place, file));
  mkdirSync(join(crds, into), { recursive: true });
  for (const file of files.filter((each) => /\.ya?ml$/.test(each)))
    for (const [name, text] of Object.entries(definitionsIn(readFileSync(file, "utf8"))))
      writeFileSync(join(crds, into, `${name}.yaml`), text);
}
console.log(crds);
