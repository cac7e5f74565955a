// Do the stacks hold what their types promise? Node strips types without looking at them, so this is asked before a start.
import { createHash } from "node:crypto";
import { glob, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { cacheFolder, root } from "../engine/folders.ts";
import { Failure } from "./failure.ts";

/** What a stack is made of. */
const sources = ["stacks/**/*.ts", "components/**/*.ts", "tsconfig.json", "package-lock.json"];

/**
 * Checks `stacks/` and `components/`; what was found right before is not checked again.
 *
 * @throws Failure with file, line and the compiler's words
 */
export const typeCheck = async (signal: AbortSignal): Promise<void> => {
  const known = join(cacheFolder(), "types", await fingerprint());
  if (await readFile(known).catch(() => undefined)) return;
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { exitCode, stdout } = await execa(
    process.execPath,
    [compiler, "--noEmit", "--pretty", "false", "--project", join(root, "stacks", "tsconfig.json")],
    { cwd: root, reject: false, cancelSignal: signal },
  );
  signal.throwIfAborted();
  if (exitCode !== 0) {
    throw new Failure("TYPE_ERROR", `the stacks do not hold what their types promise:\n${stdout.trim()}`, {
      wayOut: "mend the lines that are named; nothing was changed",
    });
  }
  await mkdir(dirname(known), { recursive: true });
  await writeFile(`${known}.new`, "right\n");
  await rename(`${known}.new`, known);
};

const fingerprint = async (): Promise<string> => {
  const hash = createHash("sha256");
  const files = (
    await Array.fromAsync(glob(sources, { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] }))
  ).sort();
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  return hash.digest("hex");
};
