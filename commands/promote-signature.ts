// Who approved what is promoted? The signature of its commit or tag, where a stack asks for one, verified with the keys that the stack names.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Snapshot } from "../components/delivery/repository.ts";
import { keyIds, modeOf, Signed, type VerifyArgs } from "../components/delivery/verification.ts";
import type { Revision } from "../components/index.ts";
import { Failure } from "./failure.ts";

/** A signature that counts. */
export interface Approval {
  readonly what: "commit" | "tag";
  /** As the key says it: "Ada <ada@example.com>". */
  readonly by: string;
  /** Identifier of the key that signed, 16 digits. */
  readonly key: string;
  /** RFC 3339. */
  readonly at: string;
}

/** Whether a tag has to be signed. */
export const wantsTag = (verify: VerifyArgs, revision: Revision): boolean => modeOf(verify, revision) !== Signed.Head;

/**
 * The signatures that a stack asks for: those of the commit, of the tag, or of both.
 *
 * @throws Failure when one of them is missing, or is of nobody whom the stack names
 */
export const approvalsOf = async (
  snapshot: Snapshot,
  revision: Revision,
  verify: VerifyArgs,
  stack: string,
): Promise<Approval[]> => {
  const { commit, tag } = await snapshot.signable();
  const mode = modeOf(verify, revision);
  // A tag without an object of its own is a name of its commit.
  const wanted = [
    ...(mode === Signed.Head || mode === Signed.TagAndHead || !tag ? [["commit", ofCommit(commit)] as const] : []),
    ...(mode !== Signed.Head && tag ? [["tag", ofTag(tag)] as const] : []),
  ];
  return Promise.all(
    wanted.map(async ([what, signed]) => {
      const found = signed && (await approvalOf(verify.keys, signed));
      if (found) return { what, ...found };
      throw new Failure(
        "NOT_SIGNED",
        `${stack} delivers only what the key ${signersOf(verify).join(" or ")} signed: the ${what} of ${snapshot.commit.slice(0, 12)} of ${snapshot.url} has ${signed ? "another signature" : "none"}.`,
        { wayOut: `let one of them sign it: git ${what === "tag" ? "tag -s" : "commit -S"}; no branch was made` },
      );
    }),
  );
};

/** The keys of those who may sign, by their identifiers. */
export const signersOf = ({ keys }: VerifyArgs): string[] => keys.flatMap((each) => keyIds(each).slice(0, 1));

interface SignedText {
  readonly text: Buffer;
  readonly signature: string;
}

/** Git signs a commit without the header that holds the signature. */
const ofCommit = (bytes: Buffer): SignedText | undefined => {
  const whole = bytes.toString("latin1");
  const end = whole.indexOf("\n\n") + 1;
  const header = /^gpgsig(?:-sha256)? (.*\n(?: .*\n)*)/m;
  const signature = header.exec(whole.slice(0, end))?.[1]?.replaceAll("\n ", "\n");
  const head = whole.slice(0, end).replaceAll(new RegExp(header, "gm"), "");
  return signature ? { signature, text: Buffer.from(head + whole.slice(end), "latin1") } : undefined;
};

/** Behind a tag stands its signature. */
const ofTag = (bytes: Buffer): SignedText | undefined => {
  const whole = bytes.toString("latin1");
  const begin = whole.lastIndexOf("-----BEGIN PGP SIGNATURE-----");
  return begin < 0 ? undefined : { signature: whole.slice(begin), text: bytes.subarray(0, begin) };
};

/** GnuPG, as Git itself has it, with these keys and no others. */
const approvalOf = async (
  keys: readonly string[],
  { text, signature }: SignedText,
): Promise<Omit<Approval, "what"> | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), "plumbline-keys-")); // for this user alone, as mkdtemp makes it
  const gpg = (...args: string[]) =>
    execa("gpg", ["--homedir", folder, "--batch", "--no-autostart", "--trust-model", "always", ...args], {
      reject: false,
      input: text,
    });
  try {
    const files = { keys: join(folder, "keys.asc"), signature: join(folder, "signature.asc") };
    await writeFile(files.keys, keys.join("\n"));
    await writeFile(files.signature, signature);
    const imported = await gpg("--import", files.keys);
    if (imported.exitCode !== 0)
      throw new Failure(
        "NO_GNUPG",
        `GnuPG did not take the keys of the stack: ${imported.stderr || imported.message}`,
        {
          wayOut: "install it, as the package gnupg; it verifies the signatures that the stack asks for",
        },
      );
    const { stdout, exitCode } = await gpg("--status-fd", "1", "--verify", files.signature, "-");
    const [, key = "", by = ""] = /^\[GNUPG:\] GOODSIG (\S+) (.*)$/m.exec(stdout) ?? [];
    const [, seconds] = /^\[GNUPG:\] VALIDSIG \S+ \S+ (\d+)/m.exec(stdout) ?? [];
    return exitCode === 0 && key && seconds
      ? { by, key, at: new Date(Number(seconds) * 1000).toISOString() }
      : undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
