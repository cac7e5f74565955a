// `plumbline gitlab note|issue`: how does a job of GitLab say something to people? By the API, with a token of the project: that of a
// job may do neither.
import { readFile } from "node:fs/promises";
import { Failure } from "./failure.ts";

/** Options of the verb. */
export interface GitlabOptions {
  /** Of the issue; a note begins with it, hidden, and the next one of that title takes its place. */
  readonly title: string;
  /** Markdown. */
  readonly file: string;
}

/** Variable of the project: an access token of the project, role Reporter, scope `api`. */
export const tokenVariable = "PLUMBLINE_GITLAB_TOKEN";

/** Writes it. @throws Failure `GITLAB_REFUSED` */
export const gitlab = async (what: "note" | "issue", { title, file }: GitlabOptions): Promise<void> => {
  const {
    [tokenVariable]: token,
    CI_API_V4_URL: url,
    CI_PROJECT_ID: project,
    CI_MERGE_REQUEST_IID: request,
  } = process.env;
  if (!token) {
    process.stdout.write(`${tokenVariable} is not set: no ${what} is written, and the files of the job say it all.\n`);
    return;
  }
  const text = await readFile(file, "utf8");
  const ask = asking(`${url}/projects/${project}`, token);
  const done =
    what === "note"
      ? await writeNote(ask, `${url}/user`, `/merge_requests/${request}/notes`, title, text)
      : await openIssue(ask, title, text);
  process.stdout.write(`${done}\n`);
};

type Ask = <T>(method: "GET" | "POST" | "PUT", path: string, body?: object) => Promise<T>;

const asking =
  (base: string, token: string): Ask =>
  async <T>(method: string, path: string, body?: object) => {
    const response = await fetch(path.startsWith("/") ? `${base}${path}` : path, {
      method,
      headers: { "PRIVATE-TOKEN": token, "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    }).catch((cause: Error) => {
      throw refused(method, path, `no answer: ${cause.message}`);
    });
    if (!response.ok) throw refused(method, path, `${response.status} ${(await response.text()).slice(0, 300)}`);
    return (await response.json()) as T;
  };

const refused = (method: string, path: string, why: string): Failure =>
  new Failure("GITLAB_REFUSED", `GitLab, ${method} ${path}: ${why}`, {
    wayOut: `${tokenVariable} is to be an access token of this project, role Reporter, scope api, that has not expired`,
  });

// One note for all pushes to a merge request. Behind a hundred others it is not looked for, and a new one is written.
const writeNote = async (ask: Ask, me: string, notes: string, title: string, text: string): Promise<string> => {
  const mark = `<!-- plumbline: ${title} -->`;
  const body = `${mark}\n${text}`;
  const { id } = await ask<{ id: number }>("GET", me);
  const latest = await ask<{ id: number; body: string; author: { id: number } }[]>(
    "GET",
    `${notes}?per_page=100&sort=desc&order_by=created_at`,
  );
  const before = latest.find((each) => each.author.id === id && each.body.startsWith(mark));
  if (before) await ask("PUT", `${notes}/${before.id}`, { body });
  else await ask("POST", notes, { body });
  return `The merge request has the note "${title}".`;
};

const openIssue = async (ask: Ask, title: string, description: string): Promise<string> => {
  const query = new URLSearchParams({ state: "opened", in: "title", search: title, per_page: "100" });
  const open = await ask<{ title: string; web_url: string }[]>("GET", `/issues?${query}`);
  const there = open.find((each) => each.title === title);
  if (there) return `The issue "${title}" is open already: ${there.web_url}`;
  const { web_url: address } = await ask<{ web_url: string }>("POST", "/issues", { title, description });
  return `The issue "${title}" is open: ${address}`;
};
