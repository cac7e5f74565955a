// What does the receiver answer? A push that is signed is passed on; whoever does not know the secret learns nothing.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { eventOf, Malformed, type PushEvent } from "./events.ts";
import { repositoryKey } from "./followers.ts";
import { senderOf } from "./signatures.ts";

/** What a receiver does with what it is sent. */
export interface Receiver {
  /** The secret as it is now: who changes it need start nothing anew. */
  readonly secret: () => Promise<Buffer>;
  /** Tells the agent; gives the names of what was told. */
  readonly tell: (event: PushEvent) => Promise<readonly string[]>;
  /** A line for whoever runs it; no secret and no payload is in it. */
  readonly say: (line: Readonly<Record<string, unknown>>) => void;
}

/** Where senders send. */
export const path = "/hook";

/**
 * Bytes of one body. GitHub would send up to 25 MB; a push of 2,048 commits, which is all that it lists of one, has about 5,
 * and what is larger waits for the interval of the source. All bodies that are being read share four times as much.
 */
export const largest = 8 * 2 ** 20;
const together = 4 * largest;
/** Milliseconds that a sender may take. */
const patience = 15_000;

/** A server that is not listening yet. */
export const receiver = ({ secret, tell, say }: Receiver): Server => {
  let held = 0;

  /** The body, or undefined where it is too large. */
  const bodyOf = async (message: IncomingMessage): Promise<Buffer | undefined> => {
    if (Number(message.headers["content-length"] ?? 0) > largest) return undefined;
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for await (const part of message as AsyncIterable<Buffer>) {
        size += part.length;
        held += part.length;
        if (size > largest || held > together) return undefined;
        parts.push(part);
      }
      return Buffer.concat(parts);
    } finally {
      held -= size;
    }
  };

  const answer = async (message: IncomingMessage): Promise<number> => {
    if (message.url === "/healthz") return 200;
    if (message.url?.split("?")[0] !== path) return 404;
    if (message.method !== "POST") return 405;
    const body = await bodyOf(message);
    if (!body) return 413;
    const sender = senderOf(message.headers, body, await secret());
    if (!sender) {
      say({ level: "warn", said: "a request without the right signature was refused" });
      return 401;
    }
    try {
      const event = eventOf(sender, message.headers, body);
      if (!event) return 204;
      const told = await tell(event);
      const [repository] = event.repositories ?? [];
      const pushed = repository !== undefined ? repositoryKey(repository) : "everything";
      say({ level: "info", said: "push", sender, repository: pushed, ref: event.ref, told });
      return 202;
    } catch (error) {
      const wrong = error instanceof Malformed;
      say({ level: wrong ? "warn" : "error", said: (error as Error).message, sender });
      return wrong ? 400 : 502;
    }
  };

  const server = createServer((message, response) => {
    answer(message)
      .catch(() => 400) // who stops sending in the middle
      .then((code) => response.writeHead(code, { connection: "close", "content-length": 0 }).end());
  });
  server.requestTimeout = patience;
  server.headersTimeout = patience / 3;
  server.maxConnections = 256;
  return server;
};
