// What can go wrong with the programs, and what is the way out? Errors are values; only the entry point prints them.

export type EngineErrorCode =
  | "NO_GO"
  | "GO_TOO_OLD"
  | "BUILD_FAILED"
  | "DOWNLOAD_REFUSED"
  | "NO_SOURCE"
  | "WRONG_PIN"
  | "NO_APT"
  | "PACKAGE_FAILED"
  | "DISK_FULL"
  | "CACHE_NOT_WRITABLE"
  | "MACHINE_UNFIT";

/** A failure of the engine: what happened where, and what a person can do about it. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;
  readonly wayOut: string;

  constructor(code: EngineErrorCode, what: string, wayOut: string, options?: ErrorOptions) {
    super(`${what}\n${wayOut}`, options);
    this.name = "EngineError";
    this.code = code;
    this.wayOut = wayOut;
  }
}
