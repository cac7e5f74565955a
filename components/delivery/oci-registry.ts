// How is a registry asked? Manifests, layers and tags of one repository by HTTPS, each by its digest, bounded in time and size.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { usualUser } from "./credentials.ts";
import type { PlainCredentials } from "./git-access.ts";

/** A repository of a registry. */
export interface OciRepository {
  /** The manifest that a tag or digest names, and its digest as "sha256:…". */
  readonly manifest: (reference: string) => Promise<{ readonly digest: string; readonly bytes: Buffer }>;
  /** A blob; what is not its digest is refused. */
  readonly blob: (digest: string) => Promise<Buffer>;
  readonly tags: () => Promise<string[]>;
}

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Milliseconds that a registry may be silent. */
const patience = 30_000;
/** Bytes of the largest blob: manifests of apps have less than a thousandth of it. */
const largestBlob = 100 * 2 ** 20;
/** Bytes of a manifest, a list of tags or a token: what registries take of a manifest. */
const largestText = 4 * 2 ** 20;
/** Pages of tags. */
const mostPages = 100;

interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Opens a repository by its URL, such as `oci://registry.example.com/team/shop`. Asks nothing yet.
 *
 * @param credentials Default: this machine's own account at it, where `docker login` left one
 */
export const openOciRepository = (url: string, credentials: PlainCredentials = {}): OciRepository => {
  const { host, pathname } = new URL(url);
  const base = `https://${host}/v2${pathname.replace(/\/+$/, "")}`;
  const { token, username = usualUser, ca } = credentials;
  const given = token === undefined ? undefined : Buffer.from(`${username}:${token}`).toString("base64");
  // What the registry asked for once; it holds for all that follows.
  let authorization: string | undefined;

  const ask = async (address: string, headers: Record<string, string>, largest: number): Promise<Answer> => {
    const answer = await get(address, {
      headers: { ...headers, ...(authorization && { authorization }) },
      ca,
      largest,
    });
    const challenge = answer.headers["www-authenticate"];
    if (answer.code !== 401 || authorization !== undefined || challenge === undefined) return answer;
    authorization = await answered(challenge);
    if (authorization === undefined) return answer;
    return get(address, { headers: { ...headers, authorization }, ca, largest });
  };

  /** What a challenge is answered with: the account itself, or a token that is got for it, or for nobody. */
  const answered = async (challenge: string): Promise<string | undefined> => {
    const account = given ?? (await accountHere(host));
    const basic = account && `Basic ${account}`;
    if (/^basic/i.test(challenge)) return basic;
    const said = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]));
    if (!/^bearer/i.test(challenge) || !said.realm || !URL.canParse(said.realm)) return undefined;
    const realm = new URL(said.realm);
    // The account goes where the registry says, and never in the clear.
    if (realm.protocol !== "https:") throw new Error(`its tokens come from ${realm.origin}, which is no https`);
    if (said.service) realm.searchParams.set("service", said.service);
    realm.searchParams.set("scope", said.scope || `repository:${pathname.slice(1)}:pull`);
    const headers = basic ? { authorization: basic } : {};
    const { code, body } = await get(realm.href, { headers, ca, largest: largestText });
    if (code !== 200) throw new Error(`${realm.host} gives no token: it answers ${code}`);
    const got = JSON.parse(body.toString()) as { readonly token?: string; readonly access_token?: string };
    return `Bearer ${got.token ?? got.access_token}`;
  };

  const found = async (what: string, address: string, headers: Record<string, string>, largest: number) => {
    const answer = await ask(address, headers, largest);
    if (answer.code === 404) throw new Error(`${what} is not there`);
    if (answer.code === 401 || answer.code === 403) throw new Error(`it lets nobody read with these credentials`);
    if (answer.code !== 200) throw new Error(`it answers ${answer.code} where ${what} was asked for`);
    return answer;
  };

  return {
    manifest: async (reference) => {
      const { body } = await found(reference, `${base}/manifests/${reference}`, { accept: manifestTypes }, largestText);
      const digest = digestOf(body);
      if (reference.includes(":") && reference !== digest) throw new Error(`what it has as ${reference} is ${digest}`);
      return { digest, bytes: body };
    },
    blob: async (digest) => {
      const { body } = await found(digest, `${base}/blobs/${digest}`, {}, largestBlob);
      if (digestOf(body) !== digest) throw new Error(`what it has as ${digest} is ${digestOf(body)}`);
      return body;
    },
    tags: async () => {
      const tags: string[] = [];
      let address: string | undefined = `${base}/tags/list?n=1000`;
      for (let page = 0; address && page < mostPages; page += 1) {
        const { headers, body }: Answer = await found("the list of its tags", address, {}, largestText);
        tags.push(...((JSON.parse(body.toString()) as { readonly tags: readonly string[] | null }).tags ?? []));
        const [, next] = /<([^>]+)>;\s*rel="?next"?/.exec(String(headers.link ?? "")) ?? [];
        address = next && new URL(next, address).href;
      }
      return tags;
    },
  };
};

/** This machine's own account at a registry, as `docker login` and its like leave it in a file. */
const accountHere = async (host: string): Promise<string | undefined> => {
  const file = join(process.env.DOCKER_CONFIG || join(homedir(), ".docker"), "config.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  const { auths = {} } = JSON.parse(text) as { readonly auths?: Readonly<Record<string, { readonly auth?: string }>> };
  return (auths[host] ?? auths[`https://${host}`])?.auth;
};

/** Digest of bytes as registries write it. */
export const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

interface Asked {
  readonly headers: Record<string, string>;
  readonly ca: string | undefined;
  readonly largest: number;
}

/** One answer, behind at most three redirects: blobs often lie elsewhere, where the account has no business. */
const get = async (address: string, asked: Asked, redirects = 3): Promise<Answer> => {
  const answer = await once(address, asked);
  const { location } = answer.headers;
  if (answer.code < 301 || answer.code > 308 || location === undefined || redirects === 0) return answer;
  const next = new URL(location, address);
  if (next.protocol !== "https:") throw new Error(`it sends on to ${next.origin}, which is no https`);
  const { authorization: _, ...open } = asked.headers;
  const same = next.host === new URL(address).host;
  return get(next.href, { ...asked, headers: same ? asked.headers : open }, redirects - 1);
};

const once = (address: string, { headers, ca, largest }: Asked): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const take = (response: IncomingMessage) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on("data", (part: Buffer) => {
        size += part.length;
        parts.push(part);
        if (size > largest) asking.destroy(new Error(`what it sends has more than ${largest / 2 ** 20} MiB`));
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({ code: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    };
    const asking = request(address, { headers, ...(ca && { ca }), timeout: patience }, take);
    asking.on("timeout", () => asking.destroy(new Error(`no answer within ${patience / 1000} s`)));
    asking.on("error", reject);
    asking.end();
  });
