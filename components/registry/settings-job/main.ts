// The program of the settings' Job: main.ts <file of the settings> <folder of the passwords>.
import { runSettings } from "./run.ts";

const [, , file = "settings.json", folder = "secrets"] = process.argv;
process.exitCode = await runSettings(file, folder, {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
});
