// Where can a program of a test listen? At a port that was free a moment ago.
import { type AddressInfo, createServer } from "node:net";

/** A port of this machine at which nobody listens. */
export const freePort = (): Promise<number> =>
  new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });
