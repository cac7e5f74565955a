// Runs another program in the place of ours: same terminal, same signals, same exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Failure } from "./failure.ts";

/** Runs the program to its end and takes over its exit code. @throws Failure when it cannot be started */
export const passThrough = async (
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> => {
  const child = spawn(path, args, { stdio: "inherit", env: { ...process.env, ...environment } });
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
};
