// How does a value change in a YAML file, with comments, order and quotes as a person wrote them? By its place in the text alone.
import { EVENT_ID, type Event, parseEvents } from "js-yaml";

/** A value, where it stands in the text. */
export interface Scalar {
  readonly kind: "scalar";
  readonly value: string;
  /** Of what is between the quotes, where there are some; undefined where the value is left out (`tag:`). */
  readonly place: { readonly start: number; readonly end: number } | undefined;
  readonly quoted: boolean;
}
export interface Mapping {
  readonly kind: "mapping";
  readonly entries: readonly { readonly key: Scalar; readonly value: Node }[];
  readonly flow: boolean;
}
export interface Sequence {
  readonly kind: "sequence";
  readonly items: readonly Node[];
  readonly flow: boolean;
}
export type Node = Scalar | Mapping | Sequence | { readonly kind: "alias" };

/** A replaced part of a text. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const flowStyle = 2;
const [plain, single, double] = [1, 2, 3];

/** What the documents of a file are. @throws YAMLException when the text is no YAML */
export const nodesOf = (text: string): Node[] => {
  const events = parseEvents(text, { filename: "" });
  let next = 0;
  const read = (): Node => {
    const event = events[next++] as Event;
    switch (event.type) {
      case EVENT_ID.SCALAR: {
        const { valueStart: start, valueEnd: end, style } = event;
        const there = start >= 0;
        const simple = [plain, single, double].includes(style);
        const value = there ? text.slice(start, end) : "";
        return {
          kind: "scalar",
          value,
          place: there && simple ? { start, end } : undefined,
          quoted: style === single || style === double,
        };
      }
      case EVENT_ID.MAPPING: {
        const entries: { key: Scalar; value: Node }[] = [];
        while (events[next]?.type !== EVENT_ID.POP) {
          const key = read();
          const value = read();
          if (key.kind === "scalar") entries.push({ key, value });
        }
        next++;
        return { kind: "mapping", entries, flow: event.style === flowStyle };
      }
      case EVENT_ID.SEQUENCE: {
        const items: Node[] = [];
        while (events[next]?.type !== EVENT_ID.POP) items.push(read());
        next++;
        return { kind: "sequence", items, flow: event.style === flowStyle };
      }
      default:
        return { kind: "alias" };
    }
  };
  const roots: Node[] = [];
  while (next < events.length) {
    const { type } = events[next] as Event;
    if (type === EVENT_ID.DOCUMENT || type === EVENT_ID.POP) next++;
    else roots.push(read());
  }
  return roots;
};

/** The value of a key. */
export const fieldOf = (node: Node | undefined, key: string): Node | undefined =>
  node?.kind === "mapping" ? node.entries.find((each) => each.key.value === key)?.value : undefined;

/** The text of a value that is no mapping and no list. */
export const textOf = (node: Node | undefined): string | undefined =>
  node?.kind === "scalar" ? node.value : undefined;

/** The text with its parts replaced; they do not overlap. */
export const spliced = (text: string, splices: readonly Splice[]): string =>
  [...splices]
    .sort((a, b) => b.start - a.start)
    .reduce((now, { start, end, text: put }) => now.slice(0, start) + put + now.slice(end), text);

// Kubernetes and Kustomize want text: `1.10` and `7e3` would be numbers, `on` a truth.
const asText = (value: string): string =>
  /^(?=.*[\d./:-])[A-Za-z][\w./:@+-]*[\w]$/.test(value) || /^\d+\.\d+\.\d+[\w.+-]*$/.test(value)
    ? value
    : JSON.stringify(value);

/** Gives a value another text, between the quotes that it has. */
export const replaced = ({ place, quoted }: Scalar, value: string): Splice[] =>
  place ? [{ ...place, text: quoted ? value : asText(value) }] : [];

/** Sets some fields of a mapping; undefined takes one away. */
export const withFields = (
  text: string,
  mapping: Mapping,
  fields: Readonly<Record<string, string | undefined>>,
): Splice[] => {
  const known = (name: string) => mapping.entries.find(({ key }) => key.value === name);
  const missing = Object.entries(fields).filter(([name, value]) => value !== undefined && !known(name));
  const leaving = Object.entries(fields).flatMap(([name, value]) => (value === undefined && known(name)) || []);
  const splices = Object.entries(fields).flatMap(([name, value]) => {
    const found = known(name);
    if (!found || value === undefined || found.value.kind !== "scalar") return [];
    if (found.value.place) return replaced(found.value, value);
    const colon = text.indexOf(":", found.key.place?.end ?? 0) + 1;
    return [{ start: colon, end: colon, text: ` ${asText(value)}` }];
  });
  // A field that comes takes the place of one that goes: the line and its comment stay.
  for (const gone of leaving) {
    const { key, value } = gone;
    const [name, put] = missing.shift() ?? [];
    if (name !== undefined && put !== undefined && key.place && value.kind === "scalar") {
      splices.push({ ...key.place, text: name }, ...replaced(value, put));
    } else splices.push(removed(text, mapping, gone));
  }
  const last = mapping.entries.at(-1);
  for (const [name, value = ""] of missing) {
    if (!last?.key.place) continue;
    const line = `${name}: ${asText(value)}`;
    const at = endOf(text, last.value, last.key);
    if (mapping.flow) splices.push({ start: at, end: at, text: `, ${line}` });
    else {
      const stop = endOfLine(text, at);
      const first = mapping.entries[0]?.key.place?.start ?? 0;
      splices.push({ start: stop, end: stop, text: `\n${" ".repeat(columnOf(text, first))}${line}` });
    }
  }
  return splices;
};

/** Adds an item with these fields to a list that has some. */
export const withItem = (text: string, list: Sequence, fields: Readonly<Record<string, string>>): Splice[] => {
  const last = list.items.at(-1);
  if (!last) return [];
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${asText(value)}`);
  const at = endOf(text, last);
  if (list.flow) return [{ start: at, end: at, text: `, {${lines.join(", ")}}` }];
  const stop = endOfLine(text, at);
  const begin = startOf(list.items[0]);
  const indent = " ".repeat(Math.max(0, text.slice(0, begin).lastIndexOf("-") - lineStart(text, begin)));
  return [{ start: stop, end: stop, text: `\n${indent}- ${lines.join(`\n${indent}  `)}` }];
};

const removed = (text: string, mapping: Mapping, { key, value }: Mapping["entries"][number]): Splice => {
  const start = key.place?.start ?? 0;
  const end = endOf(text, value, key);
  const first = mapping.entries[0]?.key === key;
  if (!mapping.flow) {
    // Behind `- ` the first field gives its place to the second.
    const begin = first ? start : lineStart(text, start) - 1;
    const stop = endOfLine(text, end);
    return { start: begin, end: first ? stop + 1 + columnOf(text, start) : stop, text: "" };
  }
  const comma = first ? text.indexOf(",", end) + 1 : end;
  return first ? { start, end: comma || end, text: "" } : { start: text.lastIndexOf(",", start), end, text: "" };
};

const startOf = (node: Node | undefined): number => {
  if (node?.kind === "scalar") return node.place?.start ?? 0;
  if (node?.kind === "mapping") return node.entries[0]?.key.place?.start ?? 0;
  return node?.kind === "sequence" ? startOf(node.items[0]) : 0;
};

const endOf = (text: string, node: Node, key?: Scalar): number => {
  if (node.kind === "scalar" && node.place) return node.place.end + (node.quoted ? 1 : 0);
  const inner = node.kind === "mapping" ? node.entries.at(-1) : undefined;
  const last = node.kind === "sequence" ? node.items.at(-1) : inner?.value;
  if (last) {
    const end = endOf(text, last, inner?.key);
    return node.kind !== "scalar" && node.kind !== "alias" && node.flow
      ? text.indexOf(node.kind === "mapping" ? "}" : "]", end) + 1
      : end;
  }
  return (key?.place?.end ?? 0) + 1;
};

const lineStart = (text: string, at: number): number => text.lastIndexOf("\n", at - 1) + 1;
const columnOf = (text: string, at: number): number => at - lineStart(text, at);
const endOfLine = (text: string, at: number): number => {
  const found = text.indexOf("\n", at);
  return found < 0 ? text.length : found;
};
