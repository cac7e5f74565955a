// What was pushed? A repository and a ref, out of the payloads of GitHub, GitLab and anybody's own sender.
import type { IncomingHttpHeaders } from "node:http";
import type { Sender } from "./signatures.ts";

/** A push: who follows it is asked to look. */
export interface PushEvent {
  /** The repository's URLs, by each way to read it. Undefined: the sender names none, and everything is meant. */
  readonly repositories?: readonly string[];
  /** What moved: "refs/heads/main", "refs/tags/v1", or the tag of an artifact. Undefined: anything of the repository. */
  readonly ref?: string;
  /** Branch that somebody follows who names none. */
  readonly defaultBranch?: string;
}

/** Thrown for a body that is none of its sender's. */
export class Malformed extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The push that a request tells of.
 *
 * @returns undefined for an event that is no push: what else a sender was set up to tell does no harm
 * @throws Malformed when it says that it is a push and names none
 */
export const eventOf = (sender: Sender, headers: IncomingHttpHeaders, body: Buffer): PushEvent | undefined => {
  const fields = fieldsOf(headers, body);
  switch (sender) {
    case "github":
      return headers["x-github-event"] === "push" ? ofGithub(fields) : undefined;
    case "gitlab":
      return ["push", "tag_push"].includes(String(fields.object_kind)) ? ofGitlab(fields) : undefined;
    case "generic":
      return ofAnybody(fields);
    default:
      return sender satisfies never;
  }
};

/** GitHub sends JSON as it is, or in a field of a form, as its page has chosen from the start. */
const fieldsOf = (headers: IncomingHttpHeaders, body: Buffer): Fields => {
  const text = String(headers["content-type"]).startsWith("application/x-www-form-urlencoded")
    ? (new URLSearchParams(body.toString()).get("payload") ?? "")
    : body.toString();
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed("the body is no JSON");
  }
  if (!isFields(value)) throw new Malformed("the body is no JSON object");
  return value;
};

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const texts = (values: readonly unknown[]): string[] =>
  values.filter((each): each is string => typeof each === "string" && each !== "");

const push = (about: unknown, names: readonly string[], ref: unknown): PushEvent => {
  const repository = isFields(about) ? about : {};
  const repositories = texts(names.map((name) => repository[name]));
  if (repositories.length === 0) throw new Malformed("the push names no repository");
  if (typeof ref !== "string") throw new Malformed("the push names no ref");
  const [defaultBranch] = texts([repository.default_branch]);
  return { repositories, ref, ...(defaultBranch !== undefined && { defaultBranch }) };
};

const ofGithub = ({ repository, ref }: Fields) =>
  push(repository, ["clone_url", "ssh_url", "git_url", "html_url"], ref);

const ofGitlab = ({ project, repository, ref }: Fields) =>
  push(project ?? repository, ["git_http_url", "git_ssh_url", "web_url"], ref);

/** `{"repository": "<url>", "ref": "refs/heads/main"}`; without a body, everything is asked to look, as Flux does. */
const ofAnybody = ({ repository, ref }: Fields): PushEvent => {
  if (repository === undefined) return {};
  if (typeof repository !== "string" || (ref !== undefined && typeof ref !== "string"))
    throw new Malformed("repository and ref are texts");
  return { repositories: [repository], ...(ref !== undefined && { ref }) };
};
