// How does the library say what is wrong with a value? All problems at once, each with field, value and what is allowed.

/** One thing that is wrong with a declared value. */
export interface Problem {
  /** File that declared the value, where it is known: "stacks/local.ts". */
  readonly file?: string;
  /** Path of the field: "settings.git.url", "layers.agent". */
  readonly field: string;
  /** What was found. */
  readonly value: unknown;
  /** What would be right. */
  readonly allowed: string;
}

const shown = (value: unknown): string => {
  if (typeof value === "function") return "a function";
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

/** Thrown when a declaration cannot be what was meant; nothing has been changed yet. */
export class InvalidDeclaration extends Error {
  override readonly name = "InvalidDeclaration";
  readonly problems: readonly Problem[];

  constructor(subject: string, problems: readonly Problem[]) {
    const lines = problems.map(
      ({ file, field, value, allowed }) =>
        `  ${file ? `${file}: ` : ""}${field}: found ${shown(value)}; allowed: ${allowed}`,
    );
    super(`${subject}: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}\n${lines.join("\n")}`);
    this.problems = problems;
  }

  /** The same problems, with the file that declared the values. */
  in(file: string): InvalidDeclaration {
    return new InvalidDeclaration(
      file,
      this.problems.map((problem) => ({ file, ...problem })),
    );
  }
}

/** Throws {@link InvalidDeclaration} unless there are no problems. */
export const refuse = (subject: string, problems: readonly Problem[]): void => {
  if (problems.length > 0) throw new InvalidDeclaration(subject, problems);
};
