// How does Git on this machine get into a private repository? By what the stack's configuration holds, and no argument shows it.
import { createSign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CredentialsOf, githubApi, usualUser } from "./credentials.ts";

/** Credentials with their secrets in the clear, in the memory of this process; those that it can't have are undefined. */
export type PlainCredentials = CredentialsOf<string | undefined>;

/** What Git is run with, and how the files that it needs go again. */
export interface Access {
  readonly git: {
    readonly env: Readonly<Record<string, string>>;
    readonly settings: Readonly<Record<string, string>>;
  };
  readonly close: () => Promise<void>;
}

// Git asks this shell function, and it answers from its environment, which other users of the machine can't read.
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$PLUMBLINE_GIT_USER" "$PLUMBLINE_GIT_TOKEN"; }; f';

/** Writes what Git reads from files. @throws Error where a GitHub App gets no token */
export const accessTo = async (
  url: string,
  { sshKey, knownHosts, token, username = usualUser, githubApp, ca }: PlainCredentials,
): Promise<Access> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-access-")); // for this user alone, as mkdtemp makes it
  const close = () => rm(folder, { recursive: true, force: true });
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text.endsWith("\n") ? text : `${text}\n`, { mode: 0o600 });
    return path;
  };
  try {
    const env: Record<string, string> = {};
    const settings: Record<string, string> = {};
    if (sshKey !== undefined) {
      const files = [await file("key", sshKey), await file("known_hosts", knownHosts ?? "")];
      const options = ["StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "BatchMode=yes"];
      const words = ["ssh", "-F", "/dev/null", "-i", `'${files[0]}'`, ...options.map((each) => `-o ${each}`)];
      env.GIT_SSH_COMMAND = [...words, `-o UserKnownHostsFile='${files[1]}'`].join(" ");
    }
    if (ca !== undefined) settings["http.sslCAInfo"] = await file("ca.crt", ca);
    const { key } = githubApp ?? {};
    const password = githubApp && key !== undefined ? await installationToken(url, { ...githubApp, key }, ca) : token;
    if (password !== undefined) {
      env.PLUMBLINE_GIT_USER = githubApp ? "x-access-token" : username;
      env.PLUMBLINE_GIT_TOKEN = password;
      settings["credential.helper"] = "";
      settings[`credential.${new URL(url).origin}.helper`] = helper;
    }
    return { git: { env, settings }, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** A token of one hour, for which the App signs that it is itself. */
const installationToken = async (
  url: string,
  { id, installation, key }: NonNullable<CredentialsOf<string>["githubApp"]>,
  ca: string | undefined,
): Promise<string> => {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  // From a minute ago on: the clocks of two machines differ.
  const claim = `${encoded({ alg: "RS256", typ: "JWT" })}.${encoded({ iat: now - 60, exp: now + 540, iss: id })}`;
  const signature = createSign("RSA-SHA256").update(claim).sign(key, "base64url");
  const address = `${githubApi(url)}/app/installations/${installation}/access_tokens`;
  const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${claim}.${signature}`,
      Accept: "application/vnd.github+json",
      "User-Agent": "plumbline",
    };
    const asked = request(address, { method: "POST", headers, timeout: 15_000, ...(ca && { ca }) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 15 s")));
    asked.on("error", reject);
    asked.end();
  }).catch((error: Error) => {
    throw new Error(`the GitHub App got no token of ${address}: ${error.message}`);
  });
  if (answer.status !== 201) throw new Error(`the GitHub App got no token of ${address}: status ${answer.status}`);
  return (JSON.parse(answer.body) as { token: string }).token;
};
