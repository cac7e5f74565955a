// Where is a program that this library runs and does not contain?
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program, and how whoever lacks it is told. */
export interface Wanted {
  readonly program: string;
  /** Variable that names it; unset, it is looked for on `PATH`. */
  readonly variable: string;
  /** What it is for, and how to get it. */
  readonly wayOut: string;
}

/** Path of a program. @throws Error that says what is wrong and the way out */
export const findProgram = ({ program, variable, wayOut }: Wanted, env: NodeJS.ProcessEnv = process.env): string => {
  const named = env[variable];
  const candidates = named
    ? [named]
    : (env.PATH ?? "")
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, program));
  const found = candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found) return found;
  const wrong = named ? `${variable} names ${named}, which is no program` : `${program} is not on PATH`;
  throw new Error(`${wrong}: ${wayOut}`);
};
