// What a command throws when it cannot do its work: a code, what happened, and the way out.

/** Exit codes of every command. */
export const exit = {
  done: 0,
  failed: 1,
  /** Drift, or violations of a policy. */
  differences: 2,
  usage: 64,
  interrupted: 130,
} as const;

/** An expected failure: printed without a stack trace. Anything else that is thrown is a defect and prints one. */
export class Failure extends Error {
  /** Stable, upper case; documented in docs/errors.md. */
  readonly code: string;
  readonly wayOut: string | undefined;
  readonly exitCode: number;

  constructor(code: string, message: string, options: { wayOut?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.wayOut = options.wayOut;
    this.exitCode = options.exitCode ?? exit.failed;
  }
}
