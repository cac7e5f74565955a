// Runs another program in the place of ours: same terminal, same signals, same exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Failure } from "./failure.ts";

/**
 * Runs the program to its end and takes over its exit code.
 *
 * @param keep hand on what it prints, and keep its end
 * @returns that end; nothing at a terminal, which is its own
 * @throws Failure when it cannot be started
 */
export const passThrough = async (
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  keep = false,
): Promise<string> => {
  const out = keep && !process.stdout.isTTY && !process.stderr.isTTY ? "pipe" : "inherit";
  const child = spawn(path, args, { stdio: ["inherit", out, out], env: { ...process.env, ...environment } });
  let end = "";
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from?.pipe(to, { end: false });
    from?.on("data", (chunk: Buffer) => {
      end = (end + chunk.toString()).slice(-16_384);
    });
  }
  // The terminal sends Ctrl-C to both of us; who ends first must be the program, so that it can clean up.
  const wait = () => {};
  const forward = () => child.kill("SIGTERM");
  process.on("SIGINT", wait);
  process.on("SIGTERM", forward);
  try {
    process.exitCode = await new Promise<number>((resolve, reject) => {
      child.on("error", (cause) =>
        reject(new Failure("CANNOT_RUN", `${path}: ${cause.message}`, { wayOut: "plumbline doctor", cause })),
      );
      child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    process.off("SIGINT", wait);
    process.off("SIGTERM", forward);
  }
  return end;
};
