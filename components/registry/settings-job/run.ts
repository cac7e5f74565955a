// What is one run of the settings' Job? It waits for Harbor, applies the settings, and says a line for each write.
import { readFile } from "node:fs/promises";
import { HarborApi, Passwords, text } from "./api.ts";
import { applySettings } from "./apply.ts";
import type { DesiredSettings } from "./desired.ts";

/** Where a run says what it does: lines without a password in them. */
export interface Said {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

/**
 * Runs once.
 *
 * @param file the settings, as JSON
 * @param folder the files with the passwords
 * @returns exit code: 0, or 1 with one line of why
 */
export const runSettings = async (file: string, folder: string, said: Said): Promise<number> => {
  const passwords = new Passwords(folder);
  let writes = 0;
  try {
    const settings = JSON.parse(await readFile(file, "utf8")) as DesiredSettings;
    const harbor = new HarborApi(settings.url, await passwords.read(settings.admin));
    await harbor.ready(settings.patience);
    await applySettings(settings, {
      harbor,
      passwords,
      wrote: (verb, what, fields = []) => {
        writes += 1;
        said.out(passwords.without(`${verb} ${what}${fields.length > 0 ? `: ${fields.join(", ")}` : ""}`));
      },
    });
    if (writes === 0) said.out("nothing to change");
    return 0;
  } catch (error) {
    said.error(passwords.without(text(error)));
    return 1;
  }
};
