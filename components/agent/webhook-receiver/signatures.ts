// Who sent it? Three ways to prove that a sender knows the secret, each compared in constant time.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** Whose form a request has. */
export type Sender = "github" | "gitlab" | "generic";

/** Hashes of the header `X-Signature`, as Flux's `generic-hmac` writes it; SHA-1 and what is weaker is none. */
const genericHashes = ["sha256", "sha384", "sha512"];

/**
 * The sender of a request, by the first of its three headers that is there.
 *
 * GitHub, Gitea and Forgejo sign with `X-Hub-Signature-256`, GitLab sends the secret itself as `X-Gitlab-Token`, whoever
 * writes a sender of their own signs with `X-Signature: sha256=<hex>`.
 *
 * @returns undefined where the header is missing or wrong
 */
export const senderOf = (headers: IncomingHttpHeaders, body: Buffer, secret: Buffer): Sender | undefined => {
  const github = headers["x-hub-signature-256"];
  if (github !== undefined) return signed(github, ["sha256"], body, secret) ? "github" : undefined;
  const gitlab = headers["x-gitlab-token"];
  if (gitlab !== undefined) return same(digest(Buffer.from(String(gitlab))), digest(secret)) ? "gitlab" : undefined;
  const generic = headers["x-signature"];
  if (generic !== undefined) return signed(generic, genericHashes, body, secret) ? "generic" : undefined;
  return undefined;
};

const signed = (header: string | string[], hashes: readonly string[], body: Buffer, secret: Buffer): boolean => {
  const [, hash = "", given = ""] = /^(sha\d{3})=([0-9a-f]+)$/i.exec(String(header)) ?? [];
  if (!hashes.includes(hash)) return false;
  return same(createHmac(hash, secret).update(body).digest(), Buffer.from(given, "hex"));
};

// Of equal length whatever was sent: the comparison tells nothing of the secret, its length included.
const digest = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
const same = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other);
