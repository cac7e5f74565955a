// How is Harbor's API v2.0 asked? One way for all calls: bounded, with the reason of a refusal, without a password in any text.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fields, Json } from "./desired.ts";

const callPatience = 30_000;
const pageSize = 100;

/** Harbor's answer when it does not do what it was asked. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Whether a value of JSON has fields. */
export const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields of a value; none where it has no fields. */
export const fieldsOf = (value: Json | undefined): Fields => (isFields(value) ? value : {});

/** Whether a live value lacks something that is declared: fields that Harbor adds don't count. */
export const differs = (declared: Json, live: Json | undefined): boolean => {
  if (Array.isArray(declared)) {
    return (
      !Array.isArray(live) ||
      live.length !== declared.length ||
      declared.some((each, index) => differs(each, live[index]))
    );
  }
  if (isFields(declared)) {
    return !isFields(live) || Object.entries(declared).some(([key, each]) => differs(each, live[key]));
  }
  return declared !== live;
};

/** Names of the declared fields that are otherwise in Harbor. */
export const differing = (declared: Fields, live: Fields): string[] =>
  Object.keys(declared).filter((key) => differs(declared[key] ?? null, live[key]));

/** The passwords of a run: what was read of them stands in no text. */
export class Passwords {
  readonly #folder: string;
  readonly #read = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Error when the file is missing or empty */
  async read(file: string): Promise<string> {
    const value = (await readFile(join(this.#folder, file), "utf8")).trim();
    if (value === "") throw new Error(`${file} is empty: its Secret holds nothing under that key`);
    this.#read.add(value);
    return value;
  }

  /** The text without them: Harbor's answers may quote what they refuse. */
  readonly without = (text: string): string =>
    [...this.#read].reduce((rest, secret) => rest.replaceAll(secret, "(secret)"), text);
}

/** A Harbor, asked as its user `admin`. */
export class HarborApi {
  readonly #url: string;
  readonly #authorization: string;

  constructor(url: string, password: string) {
    this.#url = url;
    this.#authorization = basic("admin", password);
  }

  /** One call. @throws Refused with Harbor's reason */
  async call(method: string, path: string, body?: Fields, headers: Record<string, string> = {}): Promise<Json> {
    const response = await fetch(`${this.#url}/api/v2.0${path}`, {
      method,
      headers: { ...headers, authorization: this.#authorization, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(callPatience),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Refused(response.status, `Harbor answers ${response.status} to ${method} ${path}: ${reason(text)}`);
    }
    return text.trim() === "" ? null : (JSON.parse(text) as Json);
  }

  /** All items of a list, over all its pages. */
  async list(path: string): Promise<Fields[]> {
    const all: Fields[] = [];
    for (let page = 1; ; page += 1) {
      const paged = `${path}${path.includes("?") ? "&" : "?"}page=${page}&page_size=${pageSize}`;
      const found = await this.call("GET", paged);
      const items = Array.isArray(found) ? found.map(fieldsOf) : [];
      all.push(...items);
      if (items.length < pageSize) return all;
    }
  }

  /** An object, or undefined where Harbor has none. */
  async find(path: string, headers: Record<string, string> = {}): Promise<Fields | undefined> {
    try {
      return fieldsOf(await this.call("GET", path, undefined, headers));
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Whether somebody would pull with this name and password: what `docker login` asks. */
  async enters(name: string, password: string): Promise<boolean> {
    const { status } = await fetch(`${this.#url}/service/token?service=harbor-registry`, {
      headers: { authorization: basic(name, password) },
      signal: AbortSignal.timeout(callPatience),
    });
    if (status !== 200 && status !== 401) throw new Error(`Harbor answers ${status} to the login of ${name}`);
    return status === 200;
  }

  /**
   * Waits until all its parts are healthy and it admits `admin`.
   *
   * @param patience seconds
   * @throws Error that names what is not healthy, or says that the password is another one
   */
  async ready(patience: number): Promise<void> {
    const end = Date.now() + patience * 1000;
    for (let found = await this.#ailing(); found !== ""; found = await this.#ailing()) {
      if (Date.now() > end) throw new Error(`Harbor at ${this.#url} was not healthy within ${patience} s: ${found}`);
      await sleep(Math.min(2000, patience * 100));
    }
    try {
      await this.call("GET", "/users/current");
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      throw new Error(
        "Harbor does not admit the user admin with the declared password, which counts at its first start alone: " +
          "was it changed in Harbor since? Set it back there.",
      );
    }
  }

  /** What is not healthy; empty when all is. */
  async #ailing(): Promise<string> {
    try {
      const health = fieldsOf(await this.call("GET", "/health"));
      if (health.status === "healthy") return "";
      const parts = Array.isArray(health.components) ? health.components.map(fieldsOf) : [];
      const ailing = parts.filter(({ status }) => status !== "healthy");
      return ailing.map(({ name, error }) => `${name}${error ? ` (${error})` : ""}`).join(", ") || "no part says why";
    } catch (error) {
      return text(error);
    }
  }
}

/** What an error says, with what `fetch` hides in its cause. */
export const text = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? `${message}: ${cause.message}` : message;
};

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

// Harbor's errors are JSON, those of what stands before it are not.
const reason = (body: string): string => {
  try {
    const { errors } = fieldsOf(JSON.parse(body) as Json);
    const messages = Array.isArray(errors) ? errors.map((each) => fieldsOf(each).message) : [];
    if (messages.length > 0) return messages.join("; ");
  } catch {
    return body.slice(0, 200);
  }
  return body.slice(0, 200) || "no reason given";
};
