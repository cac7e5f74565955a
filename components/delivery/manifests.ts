// What do manifest files say to Kubernetes? What its own reader sees in them, or the place of everything that is wrong.
import {
  constructFromEvents,
  defineScalarTag,
  EVENT_ID,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullCoreTag,
  parseEvents,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from "js-yaml";

/** The part that every object of Kubernetes has. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly generateName?: string; readonly namespace?: string };
}

/** One object and where it stands. */
export interface Manifest {
  readonly file: string;
  /** Line of its document, from 1. */
  readonly line: number;
  readonly object: KubernetesObject;
}

/** Thrown with the place of what is wrong: "apps/shop/web.yaml:12:3: duplicated mapping key". */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;

  constructor(file: string, { line, column }: { line: number; column: number }, reason: string) {
    super(`${file}:${line}:${column}: ${reason}`);
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

// Kubernetes reads YAML 1.1 as Go's yaml.v2 does: `on`, `yes` and `y` are true, `0644` is 420, `1:30` and dates are text.
const truths = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const untruths = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];
const decimal = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const based = /^([-+]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))$/;

const number = (source: string): number | typeof NOT_RESOLVED => {
  // Only what starts with a digit or a sign may have underscores.
  const plain = source.startsWith(".") ? source : source.replaceAll("_", "");
  const [, sign, hexadecimal, binary, octal] = based.exec(plain) ?? [];
  const size = hexadecimal
    ? Number.parseInt(hexadecimal, 16)
    : binary
      ? Number.parseInt(binary, 2)
      : octal
        ? Number.parseInt(octal, 8)
        : undefined;
  if (size !== undefined) return sign === "-" ? -size : size;
  return decimal.test(plain) ? Number(plain) : NOT_RESOLVED;
};

const boolTag = defineScalarTag("tag:yaml.org,2002:bool", {
  implicit: true,
  resolve: (source) => (truths.includes(source) ? true : untruths.includes(source) ? false : NOT_RESOLVED),
  identify: (value) => typeof value === "boolean",
});
const intTag = defineScalarTag("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: [..."+-.0123456789"],
  resolve: number,
  identify: Number.isInteger,
});
const floatTag = defineScalarTag("tag:yaml.org,2002:float", {
  resolve: number,
  identify: (value) => typeof value === "number",
});
const schema = new Schema([strTag, seqTag, mapTag, nullCoreTag, boolTag, intTag, floatTag, mergeTag]);

/** An alias is followed by reference, but what reads it may expand it: a file needs few, an attack needs many. */
const maxAliases = 1000;

/** Nodes that a file may have once its aliases are followed; what expands further is an attack. */
const maxNodes = 1_000_000;

/** How deep values may lie in one another: more than any kind has, less than what stops a reader. */
const maxDepth = 500;

/** One document of a file, whatever it is. */
export interface YamlDocument {
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/**
 * Reads the documents of one file as Kubernetes would; empty ones are left out.
 *
 * @param file path that messages name
 * @throws ManifestError with line and column: no YAML, duplicate key, tab, wrong encoding, aliases without end
 */
export const readDocuments = (bytes: Uint8Array, file: string): YamlDocument[] => {
  const text = decode(bytes, file);
  try {
    const events = parseEvents(text, { filename: file, maxDepth });
    const starts = documentStarts(events);
    const position = positionsIn(text);
    return constructFromEvents(events, { source: text, filename: file, schema, maxAliases }).flatMap((value, index) => {
      if (value === null || value === undefined) return [];
      const place = position(starts[index] ?? 0);
      if (nodesOf(value) > maxNodes) {
        const wayOut = "write out what they stand for, or divide the file";
        throw new ManifestError(file, place, `has aliases that expand to more than ${maxNodes} nodes: ${wayOut}`);
      }
      return [{ value, ...place }];
    });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { line = 0, column = 0 } = error.mark ?? {};
    throw new ManifestError(file, { line: line + 1, column: column + 1 }, error.reason);
  }
};

// What an alias names is counted once and remembered, so that counting does not take what expanding would.
const nodesOf = (value: unknown, known = new Map<object, number>()): number => {
  if (typeof value !== "object" || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Number.POSITIVE_INFINITY); // what it holds may hold it again
  const count = Object.values(value).reduce<number>((sum, each) => sum + nodesOf(each, known), 1);
  known.set(value, count);
  return count;
};

/**
 * Reads the objects of one file as Kubernetes would: every document, the items of a List one by one.
 *
 * @param file path that messages name
 * @throws ManifestError with line and column: what `readDocuments` throws, or no Kubernetes object
 */
export const readManifests = (bytes: Uint8Array, file: string): Manifest[] =>
  manifestsOf(readDocuments(bytes, file), file);

/** The objects of documents that are read already. @throws ManifestError where one is no Kubernetes object */
export const manifestsOf = (documents: readonly YamlDocument[], file: string): Manifest[] =>
  documents.flatMap(({ value, ...place }) =>
    objectsOf(value, (reason) => new ManifestError(file, place, reason)).map((object) => ({
      file,
      line: place.line,
      object,
    })),
  );

/** How a text is written, by its byte order mark. */
export const encodingOf = ([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" =>
  first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";

const decode = (bytes: Uint8Array, file: string): string => {
  const encoding = encodingOf(bytes);
  try {
    // A byte order mark is dropped by the decoder.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const text = new TextDecoder(encoding).decode(bytes);
    const place = positionsIn(text)(Math.max(text.indexOf("\uFFFD"), 0));
    throw new ManifestError(file, place, `is not ${encoding.toUpperCase()} text: save it as UTF-8`);
  }
};

/** Offset of the first node of each document. */
const documentStarts = (events: ReturnType<typeof parseEvents>): number[] => {
  const starts: number[] = [];
  let open = false;
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      starts.push(0);
      open = true;
    } else if (open) {
      const offset = "start" in event ? event.start : "valueStart" in event ? event.valueStart : 0;
      starts[starts.length - 1] = Math.max(offset, 0);
      open = false;
    }
  }
  return starts;
};

/** Tells the places of offsets that only grow: a file with many documents is gone through once. */
const positionsIn = (text: string): ((offset: number) => { line: number; column: number }) => {
  let line = 1;
  let begin = 0;
  return (offset) => {
    for (let end = text.indexOf("\n", begin); end >= 0 && end < offset; end = text.indexOf("\n", begin)) {
      line++;
      begin = end + 1;
    }
    return { line, column: offset - begin + 1 };
  };
};

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The objects that a document stands for. @throws what `refused` makes of the reason why it stands for none */
export const objectsOf = (value: unknown, refused: (reason: string) => Error): KubernetesObject[] => {
  if (!isMapping(value)) throw refused("is not a Kubernetes object: a mapping with apiVersion, kind and metadata");
  for (const field of ["apiVersion", "kind"] as const) {
    if (typeof value[field] !== "string" || !value[field]) throw refused(`has no ${field}, which every object needs`);
  }
  if (String(value.kind).endsWith("List") && Array.isArray(value.items)) {
    return value.items.flatMap((item) => objectsOf(item, refused));
  }
  const { metadata } = value;
  const named = isMapping(metadata) ? (metadata.name ?? metadata.generateName ?? "") : "";
  if (named === "") throw refused(`${value.kind} has no metadata.name, which every object needs`);
  return [value as unknown as KubernetesObject];
};
