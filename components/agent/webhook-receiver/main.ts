// The program of the receiver: main <file of its settings> <file of the secret> <port>.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Told, tellAgent } from "./cluster.ts";
import { receiver } from "./server.ts";

const [, , settings = "", secret = "", port = ""] = process.argv;
const told = JSON.parse(readFileSync(settings, "utf8")) as Told;

const server = receiver({
  secret: async () => {
    const known = await readFile(secret);
    if (known.length === 0) throw new Error("the Secret is empty");
    return known;
  },
  tell: (event) => tellAgent(told, event),
  say: (line) => process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`),
});
server.listen(Number(port));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
