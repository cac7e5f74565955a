// The Git server of the local platform: `git http-backend` behind node:http. Everybody may read, a push needs the token
// of this clone, and the agent hears of a push at once. Started by the supervisor as a program of its own.
import { spawn } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { notifyAgent } from "./git-notifier.ts";

export interface GitServerOptions {
  /** Folder that holds the bare repositories. */
  readonly root: string;
  /** What a push must present as password of the user `plumbline`. */
  readonly token: string;
  /** Called once for each accepted push with the path of its repository, e.g. `platform.git`. */
  readonly pushed: (repository: string) => void;
}

const pushes = (url: URL): boolean =>
  url.pathname.endsWith("/git-receive-pack") || url.searchParams.get("service") === "git-receive-pack";

const authorized = (request: IncomingMessage, token: string): boolean => {
  const given = Buffer.from(request.headers.authorization ?? "");
  const wanted = Buffer.from(`Basic ${Buffer.from(`plumbline:${token}`).toString("base64")}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
};

/** The handler of the Git server: smart HTTP, protocol 0 to 2. */
export const gitServer = (options: GitServerOptions) =>
  createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://git");
    if (url.pathname === "/healthz") return void response.end("ok\n");
    if (pushes(url) && !authorized(request, options.token)) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="plumbline"' });
      return void response.end("A push needs the credentials of this platform; its example checkout has them.\n");
    }
    serve(request, response, url, options);
  });

const serve = (request: IncomingMessage, response: ServerResponse, url: URL, options: GitServerOptions) => {
  const backend = spawn("git", ["http-backend"], {
    // A clean environment: nothing of the person's Git configuration may change what is served or run a hook.
    env: {
      PATH: process.env.PATH,
      HOME: options.root,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      GIT_PROJECT_ROOT: options.root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REQUEST_METHOD: request.method ?? "GET",
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      ...(request.headers["content-length"] ? { CONTENT_LENGTH: request.headers["content-length"] } : {}),
      REMOTE_ADDR: request.socket.remoteAddress ?? "",
      REMOTE_USER: pushes(url) ? "plumbline" : "",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  backend.on("error", (error) => {
    console.error(`git http-backend cannot be started: ${error.message}`);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
  // The client may hang up before it has sent everything; the backend then ends by itself.
  backend.stdin.on("error", () => {});
  response.on("close", () => backend.kill());
  request.pipe(backend.stdin);

  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    backend.stdout.off("data", readHead);
    let status = 200;
    for (const line of head.subarray(0, end).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(/:\s*/, 2);
      if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    backend.stdout.pipe(response);
  };
  backend.stdout.on("data", readHead);
  backend.on("close", (code) => {
    if (!response.headersSent) response.writeHead(500).end();
    const [, repository] = /^\/(.+)\/git-receive-pack$/.exec(url.pathname) ?? [];
    if (code === 0 && repository) options.pushed(repository);
  });
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      root: { type: "string" },
      address: { type: "string" },
      port: { type: "string" },
      token: { type: "string" },
      kubeconfig: { type: "string" },
    },
  });
  const { root, address, port, token, kubeconfig } = values;
  if (!root || !address || !port || !token || !kubeconfig) {
    console.error("usage: git-server --root FOLDER --address IP --port N --token FILE --kubeconfig FILE");
    process.exit(64);
  }
  const server = gitServer({
    root,
    token: readFileSync(token, "utf8").trim(),
    pushed: (repository) => {
      notifyAgent({ kubeconfig, root, repository }).then(
        (told) => console.log(`push to ${repository}: told ${told.join(", ") || "nobody, no agent follows it"}`),
        (error: Error) => console.error(`push to ${repository}: the agent was not told: ${error.message}`),
      );
    },
  });
  server.on("request", ({ method, url }, response) => {
    if (url !== "/healthz") response.on("close", () => console.log(`${method} ${url} ${response.statusCode}`));
  });
  server.listen(Number(port), address, () => console.log(`serving ${root} on http://${address}:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
}
