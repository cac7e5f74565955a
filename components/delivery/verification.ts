// Whose signature must a commit or tag have before it is delivered? GnuPG keys, and what of Git they must have signed.
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Revision } from "../agent/agent.ts";
import type { Problem } from "../problems.ts";

/** What must be signed. */
export const Signed = {
  /** The commit that is delivered. */
  Head: "head",
  /** The tag that is followed. */
  Tag: "tag",
  /** Both. */
  TagAndHead: "tag-and-head",
} as const;

/** One of {@link Signed}. */
export type Signed = (typeof Signed)[keyof typeof Signed];

/** What is delivered only with a signature. */
export interface VerifyArgs {
  /** What must be signed. Default: "head", and with a tag or a range of versions "tag". */
  mode?: Signed;
  /** Public keys of those who may sign, as `gpg --armor --export` prints them. One signature by one of them is enough. */
  keys: string[];
}

const armor = /^\s*-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]+-----END PGP PUBLIC KEY BLOCK-----\s*$/;
const words = "as `gpg --armor --export` prints it; neither Flux nor Argo CD verifies signatures of SSH keys";

/** The schema of {@link VerifyArgs}. */
export const verifySchema = z.strictObject({
  mode: z.enum(Signed, `one of ${Object.values(Signed).join(", ")}`).exactOptional(),
  keys: z.array(z.string().regex(armor, `a public key of GnuPG, ${words}`)).min(1, `a public key of GnuPG, ${words}`),
});

/** What must be signed, where nobody says it. */
export const modeOf = ({ mode }: VerifyArgs, revision: Revision): Signed =>
  mode ?? ("tag" in revision || "semver" in revision ? Signed.Tag : Signed.Head);

/** What of a verification and the revision that is followed does not fit together. */
export const verifyProblems = (revision: Revision, verify: VerifyArgs | undefined, field: string): Problem[] => {
  if (!verify) return [];
  const problems: Problem[] = [];
  const tagged = "tag" in revision || "semver" in revision;
  if (!tagged && modeOf(verify, revision) !== Signed.Head)
    problems.push({
      field: `${field}.mode`,
      value: verify.mode,
      allowed: '"head", or source.revision { tag } or { semver }',
    });
  for (const [index, key] of verify.keys.entries()) {
    const at = `${field}.keys.${index}`;
    if (!armor.test(key))
      problems.push({ field: at, value: key.slice(0, 40), allowed: `a public key of GnuPG, ${words}` });
    else if (keyIds(key).length === 0)
      problems.push({ field: at, value: "no key of version 4", allowed: `a whole public key, ${words}` });
  }
  return problems;
};

/** Identifiers of a public key and of those below it, as signatures name them: the last 16 digits of the fingerprint. */
export const keyIds = (armored: string): string[] => {
  const lines = armored.trim().split(/\r?\n/);
  // Behind the headers an empty line; before the end a check sum.
  const text = lines.slice(lines.indexOf("") + 1, -1).filter((line) => !line.startsWith("="));
  const bytes = Buffer.from(text.join(""), "base64");
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { tag, start, end } = packetAt(bytes, at);
    const body = bytes.subarray(start, end);
    if ((tag === 6 || tag === 14) && body[0] === 4) {
      const head = Buffer.from([0x99, body.length >> 8, body.length & 0xff]);
      found.push(createHash("sha1").update(head).update(body).digest("hex").slice(-16).toUpperCase());
    }
    at = Math.max(end, at + 1);
  }
  return found;
};

// RFC 4880, 4.2: headers of the old form and of the new one.
const packetAt = (bytes: Buffer, at: number): { tag: number; start: number; end: number } => {
  const [head = 0, one = 0, two = 0] = bytes.subarray(at, at + 3);
  const long = (from: number) => (from + 4 <= bytes.length ? bytes.readUInt32BE(from) : bytes.length);
  if (head & 0x40) {
    const [width, length] = one < 192 ? [1, one] : one < 224 ? [2, ((one - 192) << 8) + two + 192] : [5, long(at + 2)];
    return { tag: head & 0x3f, start: at + 1 + width, end: at + 1 + width + length };
  }
  const width = [1, 2, 4, 0][head & 3] ?? 0;
  const length = [one, (one << 8) + two, width === 4 ? long(at + 1) : 0, bytes.length][head & 3] ?? 0;
  return { tag: (head >> 2) & 0xf, start: at + 1 + width, end: at + 1 + width + length };
};
