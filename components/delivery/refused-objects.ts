// Which rendered objects would an agent or the API server not take, whatever else is in the commit?
import { AppKind } from "../agent/agent.ts";
import { RenderError } from "./closure.ts";
import type { RenderedObject, RenderRequest } from "./render.ts";
import type { Snapshot } from "./repository.ts";
import { keyOf } from "./sources.ts";

/** Bytes of an object as JSON: what etcd stores in one piece, unless it is told otherwise. */
const maxBytes = 1_572_864;

/** Bytes that the API server takes as the data of a ConfigMap or a Secret. */
const maxData = 1_048_576;

/** @throws RenderError that names the object, with file and line where they are known */
export const refuseObjects = (
  snapshot: Snapshot,
  { path, agent, kind }: RenderRequest,
  objects: readonly RenderedObject[],
): void => {
  if (objects.length === 0 && kind !== AppKind.Helm) {
    const then = agent === "argo-cd" ? "Argo CD would apply nothing of it" : "Flux would remove what is there";
    throw new RenderError(
      snapshot,
      `there are no manifests in ${path}, and ${then}: commit one, or take the app off the stack`,
    );
  }
  const known = new Map<string, RenderedObject>();
  for (const each of objects) {
    const { object, file, line, hook } = each;
    const name = `${object.kind} ${object.metadata.name ?? object.metadata.generateName}`;
    const refused = (reason: string) => new RenderError(snapshot, `${name} ${reason}`, file, line);
    const problem = problemOf(object as unknown as Fields);
    if (problem) throw refused(problem);
    if (hook || !object.metadata.name) continue;
    const other = known.get(keyOf(object));
    if (other) {
      const place = other.file ? `in ${other.file}${other.line ? `:${other.line}` : ""}` : "there already";
      throw refused(`is also ${place}: an object stands in one place`);
    }
    known.set(keyOf(object), each);
  }
};

type Fields = Readonly<Record<string, unknown>>;

const problemOf = (object: Fields): string | undefined => {
  const wrong = textProblem(object);
  if (wrong) return wrong;
  if (typeof object.sops === "object" && object.sops !== null)
    return "is encrypted by SOPS, which no agent of this platform undoes: take the value from the slot secrets";
  if (["ConfigMap", "Secret"].includes(String(object.kind)) && object.apiVersion === "v1") {
    const encoded = object.kind === "Secret" ? 0.75 : 1; // base64
    const bytes = Math.floor(
      textOf(object.data) * encoded + textOf(object.binaryData) * 0.75 + textOf(object.stringData),
    );
    if (bytes > maxData) return `has ${bytes} bytes of data, and ${maxData} are the most: divide it`;
  }
  const bytes = sizeOf(object);
  return bytes > maxBytes ? `has ${bytes} bytes, and the API server stores ${maxBytes} at most: divide it` : undefined;
};

const textOf = (values: unknown): number =>
  Object.values(values ?? {}).reduce<number>((sum, each) => sum + Buffer.byteLength(String(each ?? "")), 0);

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** What has to be text and is none: the API server would refuse it, or an agent leave it out. */
const textProblem = (object: Fields): string | undefined => {
  const { kind, apiVersion } = object;
  const metadata = object.metadata as Fields;
  for (const field of ["name", "generateName", "namespace"]) {
    const found = metadata[field] ?? "";
    if (typeof found !== "string") return notText(`metadata.${field}`, found);
  }
  const maps: [string, unknown][] = [
    ["metadata.labels", metadata.labels],
    ["metadata.annotations", metadata.annotations],
  ];
  if (apiVersion === "v1" && kind === "ConfigMap") maps.push(["data", object.data]);
  if (apiVersion === "v1" && kind === "Secret") maps.push(["data", object.data], ["stringData", object.stringData]);
  for (const [path, map] of maps) {
    if (map === undefined || map === null) continue;
    if (!isMapping(map)) return `has ${typeOf(map)} as ${path}, and a mapping of names to text is wanted`;
    for (const [key, found] of Object.entries(map)) {
      if (typeof found !== "string" && found !== null) return notText(`${path}.${key}`, found);
    }
  }
  return undefined;
};

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? "a list" : isMapping(value) ? "a mapping" : `a ${typeof value}`;

const notText = (path: string, value: unknown): string =>
  isMapping(value) || Array.isArray(value)
    ? `has ${typeOf(value)} as ${path}, and text is wanted`
    : `has ${JSON.stringify(value)}, ${typeOf(value)}, as ${path}, where text is wanted: put it in quotes`;

const isMapping = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
