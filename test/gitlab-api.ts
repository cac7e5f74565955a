// What answers in the place of GitLab's API: notes of one merge request and issues of one project, for whoever has the token.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** The stand-in, while it runs. */
export interface GitlabApi {
  /** What a job of the project has from GitLab, and the token of the project. */
  readonly environment: Readonly<Record<string, string>>;
  readonly notes: { readonly id: number; body: string; readonly author: { readonly id: number } }[];
  readonly issues: { readonly title: string; readonly description: string; readonly web_url: string }[];
  readonly close: () => void;
}

const bot = 17;

/** Starts it on an address of this machine alone. */
export const gitlabApi = async (): Promise<GitlabApi> => {
  const notes: GitlabApi["notes"] = [];
  const issues: GitlabApi["issues"] = [];
  const token = "token of the project";
  const asked = (url: URL, request: IncomingMessage, sent: Record<string, string>): unknown => {
    const [, path = ""] = /^\/api\/v4\/projects\/42(\/.*)$/.exec(url.pathname) ?? [];
    const what = `${request.method} ${path || url.pathname}`;
    if (what === "GET /api/v4/user") return { id: bot };
    if (what === "GET /merge_requests/7/notes") return notes.toReversed();
    if (what === "GET /issues")
      return issues.filter(({ title }) => title.includes(url.searchParams.get("search") ?? ""));
    if (what === "POST /merge_requests/7/notes") {
      notes.push({ id: notes.length + 1, body: sent.body ?? "", author: { id: bot } });
      return notes.at(-1);
    }
    if (what === "POST /issues") {
      const { title = "", description = "" } = sent;
      issues.push({ title, description, web_url: `https://gitlab.example.com/-/issues/${issues.length + 1}` });
      return issues.at(-1);
    }
    const changed = notes.find(({ id }) => what === `PUT /merge_requests/7/notes/${id}`);
    if (changed) changed.body = sent.body ?? "";
    return changed;
  };
  const server = createServer(async (request, response) => {
    const sent = await text(request);
    const url = new URL(request.url ?? "", "http://gitlab");
    const answer =
      request.headers["private-token"] === token ? asked(url, request, sent ? JSON.parse(sent) : {}) : undefined;
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(JSON.stringify(answer ?? { message: "404 Project Not Found" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      CI_API_V4_URL: `http://127.0.0.1:${port}/api/v4`,
      CI_PROJECT_ID: "42",
      CI_MERGE_REQUEST_IID: "7",
      PLUMBLINE_GITLAB_TOKEN: token,
    },
    notes,
    issues,
    close: () => server.close(),
  };
};
