// Does an API server answer from here? Asked before a client waits minutes for one that nothing leads to.
import { connect } from "node:net";

const bound = 10_000;

const ways = `An endpoint that is private is reached from within its VPC alone. Run CI there (a runner in a private subnet), or in a
network that is connected by peering, transit gateway or VPN (network.connected keeps the addresses apart), or let CI's own
addresses in: publicAccessCidrs.`;

/**
 * Waits for a connection to the host and port of a URL.
 *
 * @throws Error after 10 s without one, which names the ways to get there
 */
export const requireReachable = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) || 443 });
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(`${url} is not reached from here (${why}). ${ways}`));
    };
    socket.setTimeout(bound, () => fail(`no connection within ${bound / 1000} s`));
    socket.once("error", ({ message }) => fail(message));
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
