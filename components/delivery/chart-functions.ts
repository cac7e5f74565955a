// Which functions of a chart's templates give something else each time that it is rendered?
import type { Irreproducible } from "./render.ts";

/** They look at the clock, at chance, at a cluster or at the network. */
const functions = [
  "lookup",
  "now",
  "ago",
  "randAlphaNum",
  "randAlpha",
  "randNumeric",
  "randAscii",
  "randBytes",
  "randInt",
  "shuffle",
  "uuidv4",
  "genPrivateKey",
  "genCA",
  "genCAWithKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "encryptAES",
  "bcrypt",
  "htpasswd",
  "getHostByName",
];

const called = new RegExp(`(?<![\\w.$"])(${functions.join("|")})(?![\\w:"])`, "g");

/** The calls of such functions in a template. */
export const irreproducibleIn = (text: string, file: string): Irreproducible[] => usesIn(text, file, called);

const asked = /\.Capabilities\.(?:KubeVersion|APIVersions)/g;

/** Where a template asks what the cluster is able to: without a cluster that is known, the answer is assumed. */
export const assumedIn = (text: string, file: string): Irreproducible[] => usesIn(text, file, asked);

const usesIn = (text: string, file: string, pattern: RegExp): Irreproducible[] =>
  [...text.matchAll(/\{\{([\s\S]*?)\}\}/g)].flatMap(({ 1: action = "", index }) => {
    if (/^-?\s*\/\*/.test(action)) return [];
    // What stands in quotes is no call; what replaces it keeps the lines where they are.
    const code = action.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, (quoted) => quoted.replace(/[^\n]/g, " "));
    return [...code.matchAll(pattern)].map((match) => ({
      file,
      line: text.slice(0, index + 2 + match.index).split("\n").length,
      uses: match[1] ?? match[0],
    }));
  });
