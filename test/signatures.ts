// Signs commits and tags of tests as GnuPG does (RFC 4880, version 4, RSA), so that no machine needs GnuPG for them.
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Somebody who signs. */
export interface Signer {
  /** Public key, as `gpg --armor --export` prints it. */
  readonly publicKey: string;
  /** Identifier of the key: 16 digits. */
  readonly id: string;
  /** Armored signature of some bytes. */
  readonly signature: (bytes: Buffer) => string;
}

const number = (value: number, width: number): Buffer => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
};
/** A number of any length, behind the count of its bits. */
const mpi = (bytes: Buffer): Buffer => {
  const from = bytes.findIndex((byte) => byte !== 0);
  const value = bytes.subarray(from);
  return Buffer.concat([number(value.length * 8 - Math.clz32(value[0] ?? 0) + 24, 2), value]);
};
const packet = (tag: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), number(body.length, 4), body]);
const subpacket = (type: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([body.length + 1, type]), body]);
const armored = (what: string, bytes: Buffer): string => {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN PGP ${what}-----`, "", ...lines, `-----END PGP ${what}-----`, ""].join("\n");
};

/** Makes somebody. */
export const signer = (name: string): Signer => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  const born = number(Math.floor(Date.now() / 1000) - 60, 4);
  const numbers = [n, e].map((each) => mpi(Buffer.from(each, "base64url")));
  const key = Buffer.concat([Buffer.from([4]), born, Buffer.from([1]), ...numbers]);
  const hashed = Buffer.concat([Buffer.from([0x99]), number(key.length, 2), key]);
  const id = createHash("sha1").update(hashed).digest().subarray(-8);
  const user = Buffer.from(name);
  const certified = Buffer.concat([hashed, Buffer.from([0xb4]), number(user.length, 4), user]);
  const flags = subpacket(27, Buffer.from([0x03])); // certifies and signs
  const self = signaturePacket(privateKey, id, 0x13, certified, [subpacket(2, born), flags]);
  return {
    publicKey: armored("PUBLIC KEY BLOCK", Buffer.concat([packet(6, key), packet(13, user), self])),
    id: id.toString("hex").toUpperCase(),
    signature: (bytes) => {
      const now = number(Math.floor(Date.now() / 1000), 4);
      return armored("SIGNATURE", signaturePacket(privateKey, id, 0x00, bytes, [subpacket(2, now)]));
    },
  };
};

const signaturePacket = (key: KeyObject, id: Buffer, type: number, over: Buffer, subpackets: Buffer[]): Buffer => {
  const inside = Buffer.concat(subpackets);
  const head = Buffer.concat([Buffer.from([4, type, 1, 8]), number(inside.length, 2), inside]);
  const whole = Buffer.concat([over, head, Buffer.from([4, 0xff]), number(head.length, 4)]);
  const issuer = subpacket(16, id);
  const start = createHash("sha256").update(whole).digest().subarray(0, 2);
  return packet(2, Buffer.concat([head, number(issuer.length, 2), issuer, start, mpi(sign("sha256", whole, key))]));
};

/** Puts a signed commit with the files of the last one at the tip of a branch. Returns its full hash. */
export const signLastCommit = (folder: string, { signature }: Signer, branch = "main"): string => {
  const git = (args: readonly string[], input = "") =>
    execFileSync("git", args, { cwd: folder, encoding: "utf8", input });
  const text = git(["cat-file", "commit", branch]);
  const indented = signature(Buffer.from(text)).trimEnd().replaceAll("\n", "\n ");
  const [head = "", ...message] = text.split("\n\n");
  const hash = git(
    ["hash-object", "-t", "commit", "-w", "--stdin"],
    `${head}\ngpgsig ${indented}\n\n${message.join("\n\n")}`,
  ).trim();
  git(["update-ref", `refs/heads/${branch}`, hash]);
  return hash;
};
